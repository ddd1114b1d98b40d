// SPDX-License-Identifier: MIT

#include "client/src/session/session.hpp"

#include <algorithm>
#include <utility>

#include "client/src/session/anonymous.hpp"
#include "client/src/session/late_reply.hpp"
#include "shared/base/limits.hpp"
#include "shared/wire/error_data.hpp"

namespace agora::detail {
namespace {

/// Bounds the frame around the parameters: header, number, method.
constexpr std::size_t kHeadBytesMax = 1024;

// Whether the server keeps the reply, or a record of the holds that the reply grants.
bool is_kept(const PendingCall& pending) {
  return pending.call.effect == CallEffect::changes || !anonymous_names(pending.result).empty();
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
      random_(static_cast<std::minstd_rand::result_type>(Clock::now().time_since_epoch().count() ^
                                                         static_cast<std::int64_t>(number))) {}

bool Session::too_large_to_send(const Call& call) const {
  return call.params.size() + kHeadBytesMax > name_.frame_bytes_max ||
         call.method.size() > kHeadBytesMax / 2;
}

Session::Outcome Session::call(const Call& call, const Deadline& deadline) {
  if (too_large_to_send(call)) return {fail(too_large_error(call)), false};
  PendingCall pending(call, deadline);
  plan_cancel(pending);
  Lock lock(mutex_);
  over() ? refuse(pending) : submit(lock, pending);
  await(lock, pending);
  return take_outcome(lock, pending);
}

bool Session::must_queue(const PendingCall& pending) const {
  return !queue_.empty() || (!pending.call.waits && table_.full());
}

void Session::submit(Lock& lock, PendingCall& pending) {
  if (!must_queue(pending) && take_write_turn(lock, pending.deadline)) {
    // Other callers may have queued calls while this one waited for its turn to write.
    if (!must_queue(pending)) return send_blocking(lock, pending);
  }
  if (over()) return refuse(pending);
  if (is_past(pending.deadline)) return;
  queue_.push_back({&pending, nullptr});
  send_queued();
  flush(lock);
}

// Fails a call with session_lost. Nothing of it was sent.
void Session::refuse(PendingCall& pending) {
  pending.error =
      std::make_unique<Error>(error_for(pending, {Errc::session_lost, lost_reason_, {}, {}}));
  pending.done = true;
}

// Assigns the number and sends the call in one turn to write, so that calls are sent in the order
// of their numbers.
void Session::send_blocking(Lock& lock, PendingCall& pending) {
  const LifeClock::time_point now = LifeClock::now();
  if (!connection_) return table_.open(pending, now);  // sent when the session is resumed
  const ConnectionRef connection = connection_;
  // Reserve memory for the appends below first. Nothing may throw while the table refers to the
  // call, nor while `head` is the only place that has the bytes of the outbox.
  connection->outbox.reserve(connection->outbox.size() + kHeadBytesMax);
  std::string head = std::exchange(connection->outbox, {});
  table_.acknowledge(head);
  table_.open(pending, now);
  last_sent_ = now;
  begin_msgpack_request(static_cast<std::uint32_t>(pending.number), pending.call.method,
                        pending.call.count, head);
  // One part is cheaper for the kernel than two. Join them if that needs no new memory.
  const bool joined = head.size() + pending.call.params.size() <= head.capacity();
  if (joined) head += pending.call.params;
  iovec both[] = {part(head), part(pending.call.params)};
  const std::span<iovec> parts{both, joined ? std::size_t{1} : std::size_t{2}};
  // Set it before sending: the reply may come before this thread has the lock again.
  pending.sent = true;
  connection->sending = true;
  lock.unlock();
  bool any_sent = false;
  const bool whole = send_parts(connection, parts, pending.deadline, any_sent);
  lock.lock();
  connection->sending = false;
  may_send_.notify_one();
  if (whole || connection != connection_) return flush(lock);
  // The deadline passed while the socket's buffer was full. The rest of this call would have to be
  // sent before any other message, so drop the connection: the server never got a whole call.
  pending.sent = false;
  table_.close(pending.number);
  pending.number = 0;
  disconnect(connection, "a call could not be sent whole in time");
}

Session::Outcome Session::take_outcome(Lock& lock, PendingCall& pending) {
  if (!pending.done) {
    give_up(pending);
  } else if (pending.number != 0) {
    table_.finished(pending.number, is_kept(pending));
  }
  pass_baton();
  if (connection_ && !connection_->outbox.empty()) flush(lock);
  if (pending.error) return {Failure{std::move(pending.error)}, pending.sent};
  return {std::move(pending.result), pending.sent};
}

void Session::give_up(PendingCall& pending) {
  if (pending.call.lasting) {
    continue_without_caller(pending);
  } else if (pending.number == 0) {
    static_cast<void>(remove_queued(pending));
  } else if (!pending.sent) {
    table_.close(pending.number);
  } else {
    const bool blocks_reads = mapping_ && pending.call.effect == CallEffect::changes;
    table_.abandon(pending.number, blocks_reads ? GateHold(mapping_) : GateHold());
    cancel_and_undo(pending);
    wakeup_.wake();  // no caller blocks for this reply any more, so the I/O thread must read
  }
  fail_given_up(pending);
}

// Schedules the cancellation of a waiting call ahead of its deadline: by half of
// manager_options::deadline, or by half of the time left if that is less. So the server still has
// time to reply, and anything that it has granted by then goes to the caller.
void Session::plan_cancel(PendingCall& pending) const {
  if (!pending.call.waits || !pending.deadline) return;
  const auto own = std::chrono::duration_cast<Clock::duration>(plan_.options.deadline);
  pending.cancel_at = *pending.deadline - std::min(own, *pending.deadline - Clock::now()) / 2;
}

void Session::cancel(PendingCall& pending) {
  pending.cancelled = true;
  if (pending.number != 0 && pending.sent && connection_)
    write_cancel(pending.number, connection_->outbox);
}

void Session::cancel(CallTicket ticket, Cancellation kind) {
  Lock lock(mutex_);
  const auto found = cancellable_.find(ticket);
  if (found == cancellable_.end()) return;
  OwnedCall& call = *found->second;
  if (!call.sent) return end_cancelled(call);
  if (call.call.waits || kind == Cancellation::partial) call.on_request = kind;
  if (call.call.waits && !call.cancelled) cancel(call);
  if (!connection_ && kind == Cancellation::partial) return end_cancelled(call);
  flush(lock);
  wakeup_.wake();
}

// Ends a call without a reply of the server. What the server may have granted goes back when its
// reply comes.
void Session::end_cancelled(OwnedCall& call) {
  const bool maybe = call.sent && call.call.effect == CallEffect::changes;
  const bool goes_back = call.call.waits && can_go_back(call.call);
  if (call.due) deadlines_.erase(*std::exchange(call.due, std::nullopt));
  cancellable_.erase(call.completion->ticket);
  auto own = give_up_owned(call);
  call.error = std::make_unique<Error>(
      cancelled_error(call.call, maybe && !goes_back ? Done::unknown : Done::no));
  completed_.push_back(std::move(own));
  wakeup_.wake();
}

// Called while there is no connection: a call that was cancelled does not wait for the next one.
void Session::end_cancelled_calls() {
  std::vector<OwnedCall*> cancelled;
  for (const auto& [ticket, call] : cancellable_) {
    if (call->on_request == Cancellation::partial) cancelled.push_back(call);
  }
  for (OwnedCall* const call : cancelled) end_cancelled(*call);
}

// Returns true if the call must be given up now. Cancels it first, if that is due.
bool Session::check_deadline(Lock& lock, PendingCall& pending) {
  if (!is_past(pending.next_deadline())) return false;
  if (!pending.cancel_at || pending.cancelled) return true;
  cancel(pending);
  flush(lock);
  return false;
}

// Cancels the wait of an abandoned call and gives back what the call may have acquired. Both are
// sent before any later call of its caller.
void Session::cancel_and_undo(PendingCall& pending) {
  if (!pending.call.waits) return;
  if (!pending.cancelled) cancel(pending);
  auto undo = undo_of(pending.call);
  if (!undo) return;
  PendingCall& at = *undo;
  submit_or_queue({&at, std::move(undo)});
}

// Lets a call that releases a resource continue without its caller.
void Session::continue_without_caller(PendingCall& pending) {
  if (pending.number != 0) {
    table_.keep(pending.number);
  } else {
    static_cast<void>(remove_queued(pending));
    auto own = std::make_unique<OwnedCall>(pending.call, Deadline());
    PendingCall& at = *own;
    submit_or_queue({&at, std::move(own)});
  }
  wakeup_.wake();
}

std::unique_ptr<OwnedCall> Session::give_up_owned(OwnedCall& call) {
  std::unique_ptr<OwnedCall> own =
      call.number == 0 ? remove_queued(call) : table_.take_back(call.number);
  if (call.number != 0 && call.sent) cancel_and_undo(call);
  fail_given_up(call);
  return own;
}

void Session::fail_given_up(PendingCall& pending) {
  const Error why = connection_
                        ? Error{Errc::timeout, "the server did not reply in time", {}, {}}
                        : Error{Errc::unavailable, "no connection: " + lost_reason_, {}, {}};
  pending.error = std::make_unique<Error>(error_for(pending, why));
  if (pending.call.lasting) pending.error->done = Done::unknown;
  pending.done = true;
  pending.number = 0;  // the table handles a late reply
}

// Returns the call if the queue owned it.
std::unique_ptr<OwnedCall> Session::remove_queued(const PendingCall& pending) {
  for (auto* queued : {&queue_, &refused_}) {
    for (auto each = queued->begin(); each != queued->end(); ++each) {
      if (each->pending != &pending) continue;
      auto own = std::move(each->owned);
      queued->erase(each);
      return own;
    }
  }
  return nullptr;
}

std::unique_ptr<OwnedCall> Session::start(std::unique_ptr<OwnedCall> call) {
  Lock lock(mutex_);
  if (over()) return call;
  if (too_large_to_send(call->call)) {
    call->error = std::make_unique<Error>(too_large_error(call->call));
    call->done = true;
    completed_.push_back(std::move(call));
    wakeup_.wake();
    return nullptr;
  }
  if (mapping_ && call->completion) call->gate_hold = GateHold(mapping_);
  plan_cancel(*call);
  if (call->completion && call->completion->ticket != 0) {
    cancellable_.emplace(call->completion->ticket, call.get());
  }
  if (call->deadline) call->due = deadlines_.emplace(*call->next_deadline(), call.get());
  PendingCall& pending = *call;
  submit_or_queue({&pending, std::move(call)});
  flush(lock);
  wakeup_.wake();
  return nullptr;
}

void Session::submit_or_queue(Queued call) {
  if (must_queue(*call.pending)) {
    queue_.push_back(std::move(call));
  } else {
    number_and_send(std::move(call));
  }
}

void Session::number_and_send(Queued call) {
  PendingCall& pending = *call.pending;
  const LifeClock::time_point now = LifeClock::now();
  if (connection_) table_.acknowledge(connection_->outbox);
  if (call.owned) {
    table_.open(std::move(call.owned), now);
  } else {
    table_.open(pending, now);
  }
  if (!connection_) return;  // sent when the session is resumed
  last_sent_ = now;
  pending.sent = true;
  write_call(pending, connection_->outbox);
  if (pending.cancelled) write_cancel(pending.number, connection_->outbox);
}

// Sends queued calls as far as replies have made room for them.
void Session::send_queued() {
  while (!queue_.empty() && (queue_.front().pending->call.waits || !table_.full())) {
    Queued next = std::move(queue_.front());
    queue_.pop_front();
    number_and_send(std::move(next));
  }
}

void Session::run(std::span<const std::unique_ptr<OwnedCall>> calls) {
  Lock lock(mutex_);
  std::vector<OwnedCall*> mine;  // a call that is done already has the number of another session
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
      if (mapping_) call->gate_hold = GateHold(mapping_);
      submit_or_queue({call.get(), nullptr});
    }
  }
  flush(lock);
  for (OwnedCall* call : mine) {
    await(lock, *call);
    call->gate_hold.release();
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
  if (!connection_ || over()) return false;
  // A session that shares memory has no ttl: it ends with either process, or by server.end_session.
  const bool certain = mapping_ || lease_.certain(LifeClock::now());
  if (certain && connection_->channel.alive()) return true;
  wakeup_.wake();
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
  wakeup_.wake();
}

}  // namespace agora::detail
