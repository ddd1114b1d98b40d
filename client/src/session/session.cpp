#include "client/src/session/session.hpp"

#include <algorithm>
#include <utility>

#include "client/src/session/anonymous.hpp"
#include "shared/base/limits.hpp"
#include "shared/wire/error_data.hpp"

namespace agora::detail {
namespace {

/// What the frame around the parameters may take: header, number, method.
constexpr std::size_t kHeadBytesMax = 1024;

bool too_large_to_send(const Call& call) {
  return call.params.size() > Limits{}.frame_bytes_max - kHeadBytesMax ||
         call.method.size() > kHeadBytesMax / 2;
}

// The server keeps the reply, or a record of the holds that it gave.
bool is_kept(const Slot& slot) {
  return slot.call.effect == Effect::changes || !anonymous_names(slot.result).empty();
}

Error too_large_error(const Call& call) {
  return agora::too_large("frame_bytes_max", std::string(call.method.substr(0, 80)) +
                                                 ": the parameters are larger than a message");
}

}  // namespace

Session::Session(const SessionPlan& plan, SessionWatcher& watcher, std::uint64_t number)
    : plan_(plan),
      watcher_(watcher),
      number_(number),
      chance_(static_cast<std::minstd_rand::result_type>(Clock::now().time_since_epoch().count() ^
                                                         static_cast<std::int64_t>(number))) {}

Session::Outcome Session::call(const Call& call, const Deadline& deadline) {
  if (too_large_to_send(call)) return {fail(too_large_error(call)), false};
  Slot slot(call, deadline);
  plan_cancel(slot);
  Lock lock(mutex_);
  over() ? refuse(slot) : enter(lock, slot);
  await(lock, slot);
  return settle(lock, slot);
}

bool Session::must_queue(const Slot& slot) const {
  return !queue_.empty() || (!slot.call.waits && table_.full());
}

void Session::enter(Lock& lock, Slot& slot) {
  if (!must_queue(slot) && take_turn(lock, slot.deadline)) {
    // Others may have come first while this one waited for its turn.
    if (!must_queue(slot)) return send_blocking(lock, slot);
  }
  if (over()) return refuse(slot);
  if (is_past(slot.deadline)) return;
  queue_.push_back({&slot, nullptr});
  promote();
  flush(lock);
}

// The session is over, and nothing of the call was sent.
void Session::refuse(Slot& slot) {
  slot.error = std::make_unique<Error>(error_for(slot, {Errc::session_lost, lost_reason_, {}, {}}));
  slot.done = true;
}

// The number is given within the turn to write, so that numbers go out in order.
void Session::send_blocking(Lock& lock, Slot& slot) {
  const LifeClock::time_point now = LifeClock::now();
  if (!link_) return table_.open(slot, now);  // sent when the session is resumed
  const LinkRef link = link_;
  // Nothing may throw while the table knows the slot, nor while the outbox is in no other place.
  link->outbox.reserve(link->outbox.size() + kHeadBytesMax);
  std::string head = std::exchange(link->outbox, {});
  table_.acknowledge(head);
  table_.open(slot, now);
  last_sent_ = now;
  begin_msgpack_request(static_cast<std::uint32_t>(slot.number), slot.call.method, slot.call.count,
                        head);
  // One part is cheaper for the kernel than two, as long as there is room for it.
  const bool joined = head.size() + slot.call.params.size() <= head.capacity();
  if (joined) head += slot.call.params;
  iovec both[] = {part(head), part(slot.call.params)};
  const std::span<iovec> parts{both, joined ? std::size_t{1} : std::size_t{2}};
  // Said beforehand: the reply may come before this thread has the lock again.
  slot.sent = true;
  link->sending = true;
  lock.unlock();
  bool any_sent = false;
  const bool whole = send_parts(link, parts, slot.deadline, any_sent);
  lock.lock();
  link->sending = false;
  may_send_.notify_one();
  if (whole || link != link_) return flush(lock);
  // Its deadline came while the kernel took no more. The rest would have to follow before
  // anything else could, so the connection is given up: the server has no whole call.
  slot.sent = false;
  table_.close(slot.number);
  slot.number = 0;
  lose(link, "a call could not be sent whole in time");
}

Session::Outcome Session::settle(Lock& lock, Slot& slot) {
  if (!slot.done) {
    give_up(slot);
  } else if (slot.number != 0) {
    table_.finished(slot.number, is_kept(slot));
  }
  pass_baton();
  if (link_ && !link_->outbox.empty()) flush(lock);
  if (slot.error) return {Failure{std::move(slot.error)}, slot.sent};
  return {std::move(slot.result), slot.sent};
}

void Session::give_up(Slot& slot) {
  if (slot.call.lasting) {
    hand_on(slot);
  } else if (slot.number == 0) {
    static_cast<void>(forget_queued(slot));
  } else if (!slot.sent) {
    table_.close(slot.number);
  } else {
    const bool pending = mapping_ && slot.call.effect == Effect::changes;
    table_.abandon(slot.number, pending ? GateHold(mapping_) : GateHold());
    leave(slot);
    wakeup_.ring();  // nobody blocks for its reply any more
  }
  say_given_up(slot);
}

// A waiting call is not given up without asking: it is cancelled when half of the time that is left
// to the client is over, and what it got by then still is its caller's.
void Session::plan_cancel(Slot& slot) const {
  if (!slot.call.waits || !slot.deadline) return;
  const auto own = std::chrono::duration_cast<Clock::duration>(plan_.options.deadline);
  slot.cancel_at = *slot.deadline - std::min(own, *slot.deadline - Clock::now()) / 2;
}

void Session::cancel(Slot& slot) {
  slot.cancelled = true;
  if (slot.number != 0 && slot.sent && link_) write_cancel(slot.number, link_->outbox);
}

// Whether there is nothing more to do than to give it up.
bool Session::time_over(Lock& lock, Slot& slot) {
  if (!is_past(slot.next_date())) return false;
  if (!slot.cancel_at || slot.cancelled) return true;
  cancel(slot);
  flush(lock);
  return false;
}

// The wait of a call that is given up ends, and what it may have got goes back, before whatever
// its caller does next.
void Session::leave(Slot& slot) {
  if (!slot.call.waits) return;
  if (!slot.cancelled) cancel(slot);
  auto undo = undo_of(slot.call);
  if (!undo) return;
  Slot& at = *undo;
  enter_later({&at, std::move(undo)});
}

// What gives something back goes on without its caller.
void Session::hand_on(Slot& slot) {
  if (slot.number != 0) {
    table_.keep(slot.number);
  } else {
    static_cast<void>(forget_queued(slot));
    auto own = std::make_unique<OwnedSlot>(slot.call, Deadline());
    Slot& at = *own;
    enter_later({&at, std::move(own)});
  }
  wakeup_.ring();
}

std::unique_ptr<OwnedSlot> Session::give_up_owned(OwnedSlot& call) {
  std::unique_ptr<OwnedSlot> own =
      call.number == 0 ? forget_queued(call) : table_.take_back(call.number);
  if (call.number != 0 && call.sent) leave(call);
  say_given_up(call);
  return own;
}

void Session::say_given_up(Slot& slot) {
  const Error why = link_ ? Error{Errc::timeout, "the server did not answer in time", {}, {}}
                          : Error{Errc::unavailable, "no connection: " + lost_reason_, {}, {}};
  slot.error = std::make_unique<Error>(error_for(slot, why));
  if (slot.call.lasting) slot.error->done = Done::unknown;
  slot.done = true;
  slot.number = 0;  // the table settles what comes late
}

// Gives the call back if nobody's stack has it.
std::unique_ptr<OwnedSlot> Session::forget_queued(const Slot& slot) {
  for (auto* waiting : {&queue_, &refused_}) {
    for (auto each = waiting->begin(); each != waiting->end(); ++each) {
      if (each->slot != &slot) continue;
      auto own = std::move(each->owned);
      waiting->erase(each);
      return own;
    }
  }
  return nullptr;
}

std::unique_ptr<OwnedSlot> Session::start(std::unique_ptr<OwnedSlot> call) {
  Lock lock(mutex_);
  if (over()) return call;
  if (too_large_to_send(call->call)) {
    call->error = std::make_unique<Error>(too_large_error(call->call));
    call->done = true;
    completed_.push_back(std::move(call));
    wakeup_.ring();
    return nullptr;
  }
  if (mapping_ && call->completion) call->pending = GateHold(mapping_);
  plan_cancel(*call);
  if (call->deadline) call->due = deadlines_.emplace(*call->next_date(), call.get());
  Slot& slot = *call;
  enter_later({&slot, std::move(call)});
  flush(lock);
  wakeup_.ring();
  return nullptr;
}

void Session::enter_later(Queued call) {
  if (must_queue(*call.slot)) {
    queue_.push_back(std::move(call));
  } else {
    number_and_send(std::move(call));
  }
}

void Session::number_and_send(Queued call) {
  Slot& slot = *call.slot;
  const LifeClock::time_point now = LifeClock::now();
  if (link_) table_.acknowledge(link_->outbox);
  if (call.owned) {
    table_.open(std::move(call.owned), now);
  } else {
    table_.open(slot, now);
  }
  if (!link_) return;  // sent when the session is resumed
  last_sent_ = now;
  slot.sent = true;
  write_call(slot, link_->outbox);
  if (slot.cancelled) write_cancel(slot.number, link_->outbox);
}

// Those that waited for their turn take it, as replies make room.
void Session::promote() {
  while (!queue_.empty() && (queue_.front().slot->call.waits || !table_.full())) {
    Queued next = std::move(queue_.front());
    queue_.pop_front();
    number_and_send(std::move(next));
  }
}

void Session::run(std::span<const std::unique_ptr<OwnedSlot>> calls) {
  Lock lock(mutex_);
  std::vector<OwnedSlot*> mine;  // what was done before has a number of another session
  mine.reserve(calls.size());
  for (const auto& call : calls) {
    if (call->done) continue;
    mine.push_back(call.get());
    plan_cancel(*call);
    if (over()) {
      refuse(*call);
    } else if (too_large_to_send(call->call)) {
      call->error = std::make_unique<Error>(too_large_error(call->call));
      call->done = true;
    } else {
      if (mapping_) call->pending = GateHold(mapping_);
      enter_later({call.get(), nullptr});
    }
  }
  flush(lock);
  for (OwnedSlot* call : mine) {
    await(lock, *call);
    call->pending.release();
    if (!call->done) {
      give_up(*call);
    } else if (call->number != 0) {
      table_.finished(call->number, is_kept(*call));
    }
  }
  pass_baton();
  flush(lock);
}

bool Session::certain() {
  const Lock lock(mutex_);
  if (!link_ || over()) return false;
  // One that shares memory has no ttl: it ends with this process, or is ended by hand.
  const bool certain = mapping_ || lease_.certain(LifeClock::now());
  if (certain && link_->channel.alive()) return true;
  wakeup_.ring();
  return false;
}

void Session::finished(std::uint64_t call, bool kept) {
  if (call == 0) return;
  const Lock lock(mutex_);
  table_.finished(call, kept);
}

bool Session::thread_ended() {
  const Lock lock(mutex_);
  return finished_;
}

void Session::expect_notices() {
  const Lock lock(mutex_);
  expects_notices_ = true;
  wakeup_.ring();
}

}  // namespace agora::detail
