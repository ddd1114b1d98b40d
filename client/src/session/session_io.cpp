// Session, the socket: turns to write, the baton to read, and dealing what came.

#include <new>
#include <utility>

#include <agora/detail/methods.hpp>

#include "client/src/session/anonymous.hpp"
#include "client/src/session/session.hpp"

namespace agora::detail {
namespace {

/// When the server keeps too many replies the next write tells it which have arrived; what waits
/// for that is sent again after so long.
constexpr std::chrono::milliseconds kRefusedPause{5};

/// Takes what was sent off the front.
void advance(std::span<iovec>& parts, std::size_t sent) {
  while (!parts.empty() && sent >= parts.front().iov_len) {
    sent -= parts.front().iov_len;
    parts = parts.subspan(1);
  }
  if (sent == 0 || parts.empty()) return;
  parts.front().iov_base = static_cast<char*>(parts.front().iov_base) + sent;
  parts.front().iov_len -= sent;
}

}  // namespace

// True if the caller may write now, or if there is no connection to write to.
bool Session::take_turn(Lock& lock, const Deadline& deadline) {
  while (link_ && link_->sending && !over()) {
    if (!deadline) {
      may_send_.wait(lock);
    } else if (may_send_.wait_until(lock, *deadline) == std::cv_status::timeout && link_ &&
               link_->sending) {
      return false;
    }
  }
  return !over();
}

bool Session::send_parts(const LinkRef& link, std::span<iovec> parts, const Deadline& deadline,
                         bool& any_sent) {
  for (;;) {
    const Socket::Result sent = link->channel.send(parts);
    switch (sent.io) {
      case Socket::Io::some:
        advance(parts, sent.bytes);
        if (parts.empty()) return true;
        any_sent = true;
        break;
      case Socket::Io::ended: {
        const Lock lock(mutex_);
        lose(link, "the connection to the server is lost");
        return false;
      }
      case Socket::Io::later:
        if (is_past(deadline)) return false;
        wait_to_send(link, deadline);
        break;
    }
  }
}

// The server stops reading from a connection whose answers nobody takes, so a writer that has to
// wait reads in the meantime, unless somebody does already.
void Session::wait_to_send(const LinkRef& link, const Deadline& deadline) {
  Lock lock(mutex_);
  const bool baton = !link->reading;
  link->reading = true;
  lock.unlock();
  const Socket::Ready ready = link->channel.wait_writable(baton, deadline);
  if (!baton) return;
  lock.lock();
  if (ready.readable) read_turn(lock, link, deadline);
  put_down(link);
  pass_baton();
}

// Writes what the kernel takes at once; the I/O thread writes the rest when it takes more.
void Session::flush(Lock& lock) {
  while (link_ && !link_->sending && !link_->outbox.empty()) {
    const LinkRef link = link_;
    const std::string bytes = std::exchange(link->outbox, {});
    link->sending = true;
    lock.unlock();
    const iovec one[] = {part(bytes)};
    const Socket::Result sent = link->channel.send(one);
    lock.lock();
    link->sending = false;
    may_send_.notify_one();
    if (sent.io == Socket::Io::ended) return lose(link, "the connection to the server is lost");
    if (sent.bytes == bytes.size()) continue;
    link->outbox.insert(0, bytes, sent.bytes);
    if (sent.io == Socket::Io::later) return wakeup_.ring();
  }
}

void Session::await(Lock& lock, Slot& slot) {
  while (!slot.done && !time_over(lock, slot)) {
    const LinkRef link = link_;
    if (!link || link->reading) {
      park(lock, slot);
      continue;
    }
    link->reading = true;
    while (!slot.done && link == link_ && !is_past(slot.next_date())) {
      read_turn(lock, link, slot.next_date());
    }
    put_down(link);
  }
}

// The I/O thread, which may have the next turn, sleeps on the socket; through rings that tells only
// of what somebody has said that he waits for.
void Session::put_down(const LinkRef& link) {
  link->reading = false;
  const bool wants = table_.owned() > 0 || expects_notices_;
  if (wants && !link->channel.may_poll_input()) wakeup_.ring();
}

void Session::park(Lock& lock, Slot& slot) {
  slot.parked = true;
  ++parked_;
  if (const Deadline until = slot.next_date()) {
    slot.wake.wait_until(lock, *until);
  } else {
    slot.wake.wait(lock);
  }
  --parked_;
  slot.parked = false;
}

// Without memory for a reply the stream cannot be followed any more.
void Session::read_turn(Lock& lock, const LinkRef& link, const Deadline& deadline) {
  try {
    const std::span<char> space = link->inbox.space();
    lock.unlock();
    const Socket::Result got = link->channel.receive(space, deadline);
    lock.lock();
    if (link != link_) return;
    if (got.io == Socket::Io::ended) return lose(link, "the server has closed the connection");
    if (got.io == Socket::Io::some) {
      link->inbox.filled(got.bytes);
      deal_all(link);
    }
    if (!link->outbox.empty()) flush(lock);
  } catch (const std::bad_alloc&) {
    lose(link, "there is no memory for a reply");
  }
}

void Session::deal_all(const LinkRef& link) {
  for (;;) {
    auto message = link->inbox.next();
    if (!message) return lose(link, "the server sent nonsense: " + message.error().message);
    if (!*message) break;
    ServerMessage& what = **message;
    if (what.kind == ServerMessage::Kind::notice) {
      notices_.emplace_back(what.notice);
      wakeup_.ring();
    } else if (!deal(what)) {
      return lose(link, what.ok() ? "the server answered a call that nobody made"
                                  : "the server refused the connection: " + what.error->message);
    }
  }
  if (over()) lose(link, lost_reason_);
  if (!queue_.empty()) promote();
}

// False: it is an answer to nobody.
bool Session::deal(ServerMessage& message) {
  if (!message.ok() && message.error->code == Errc::session_lost && !over()) {
    // The I/O thread asks what was lost with it; new calls begin with a new session.
    lost_reason_ = message.error->message;
    over_.store(true, std::memory_order_release);
    if (mapping_) mapping_->end();
  }
  CallTable::Deal deal = table_.deal(message);
  if (deal.dealt == CallTable::Dealt::stray) return false;
  lease_.answered(deal.sent_at);
  proven_ = true;
  if (deal.dealt == CallTable::Dealt::dropped) drop(message, std::move(deal.undo));
  if (deal.dealt == CallTable::Dealt::refused) {
    refused_until_ = Clock::now() + kRefusedPause;
    refused_.push_back({deal.slot, std::move(deal.owned)});
    wakeup_.ring();
  } else if (deal.owned) {
    if (deal.owned->due) deadlines_.erase(*deal.owned->due);
    deal.owned->pending.release();
    arrive(*deal.owned);
    completed_.push_back(std::move(deal.owned));
    wakeup_.ring();
  } else if (deal.slot != nullptr) {
    if (deal.slot->parked) deal.slot->wake.notify_one();
  }
  return true;
}

// However long its handler takes: with what is not acknowledged the server soon refuses new calls,
// and then those that come behind a refused one overtake it.
void Session::arrive(OwnedSlot& call) {
  if (call.completion && call.call.redelivers) return;
  const bool kept = call.call.effect == Effect::changes || !anonymous_names(call.result).empty();
  table_.finished(std::exchange(call.number, 0), kept);
}

// A reply that nobody wants any more gives back what it brought.
void Session::drop(const ServerMessage& message, std::unique_ptr<OwnedSlot> undo) {
  std::vector<std::unique_ptr<OwnedSlot>> calls;
  if (undo) calls.push_back(std::move(undo));
  if (message.ok()) {
    for (const std::string& name : anonymous_names(message.result)) {
      const Params params = params_of(name);
      Call release = call_of(methods::object_release);
      calls.push_back(std::make_unique<OwnedSlot>(release.with(params), Deadline()));
    }
  }
  for (auto& call : calls) {
    Slot& slot = *call;
    enter_later({&slot, std::move(call)});
  }
  if (!calls.empty()) wakeup_.ring();
}

void Session::pass_baton() {
  if (parked_ == 0 || !link_ || link_->reading) return;
  if (Slot* next = table_.parked()) next->wake.notify_one();
}

void Session::lose(LinkRef link, const std::string& reason) noexcept {
  if (link != link_) return;
  link_.reset();
  if (mapping_) mapping_->close_gate();
  cut_at_ = LifeClock::now();
  if (!over()) lost_reason_ = reason;
  link->channel.shut_down();
  may_send_.notify_all();
  wakeup_.ring();
}

}  // namespace agora::detail
