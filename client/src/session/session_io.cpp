// SPDX-License-Identifier: MIT

// Session, the socket: turns to write, the baton to read, and the processing of messages.

#include <new>
#include <utility>

#include <agora/detail/methods.hpp>

#include "client/src/session/anonymous.hpp"
#include "client/src/session/session.hpp"

namespace agora::detail {
namespace {

/// The back-off before the session sends again the calls that the server refused because its reply
/// backlog was full. Meanwhile the next write acknowledges the replies that have arrived.
constexpr std::chrono::milliseconds kRefusedPause{5};

/// Removes the bytes that were sent from the front.
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

// Waits for the turn to write. Returns true if the caller may write now, or if there is no
// connection to write to; false at the deadline, or if the session is over.
bool Session::take_write_turn(Lock& lock, const Deadline& deadline) {
  while (connection_ && connection_->sending && !over()) {
    if (!deadline) {
      may_send_.wait(lock);
    } else if (may_send_.wait_until(lock, *deadline) == std::cv_status::timeout && connection_ &&
               connection_->sending) {
      return false;
    }
  }
  return !over();
}

bool Session::send_parts(const ConnectionRef& connection, std::span<iovec> parts,
                         const Deadline& deadline, bool& any_sent) {
  for (;;) {
    const Socket::Result sent = connection->channel.send(parts);
    switch (sent.io) {
      case Socket::Io::some:
        advance(parts, sent.bytes);
        if (parts.empty()) return true;
        any_sent = true;
        progress_.moved(sent.bytes, LifeClock::now(), lease_.ttl());
        break;
      case Socket::Io::ended: {
        const Lock lock(mutex_);
        disconnect(connection, "the connection to the server is lost");
        return false;
      }
      case Socket::Io::later:
        if (is_past(deadline)) return false;
        wait_to_send(connection, deadline);
        break;
    }
  }
}

// The server stops reading from a connection whose replies are not read (back-pressure). So a
// writer that has to wait also reads, unless another thread does already.
void Session::wait_to_send(const ConnectionRef& connection, const Deadline& deadline) {
  Lock lock(mutex_);
  const bool baton = !connection->reading;
  connection->reading = true;
  lock.unlock();
  const Socket::Ready ready = connection->channel.wait_writable(baton, deadline);
  if (!baton) return;
  lock.lock();
  if (ready.readable) read_once(lock, connection, deadline);
  put_down_baton(connection);
  pass_baton();
}

// Writes without blocking. If the socket's buffer is full, the I/O thread writes the rest later.
void Session::flush(Lock& lock) {
  while (connection_ && !connection_->sending &&
         (!connection_->outbox.empty() || connection_->channel.has_unsent())) {
    const ConnectionRef connection = connection_;
    const std::string bytes = std::exchange(connection->outbox, {});
    connection->sending = true;
    lock.unlock();
    const iovec one[] = {part(bytes)};
    const Socket::Result sent = connection->channel.send(one);
    lock.lock();
    connection->sending = false;
    may_send_.notify_one();
    if (sent.io == Socket::Io::ended)
      return disconnect(connection, "the connection to the server is lost");
    if (sent.bytes == bytes.size() && sent.io != Socket::Io::later) continue;
    progress_.moved(sent.bytes, LifeClock::now(), lease_.ttl());
    connection->outbox.insert(0, bytes, sent.bytes);
    if (sent.io == Socket::Io::later) return wakeup_.wake();
  }
}

void Session::await(Lock& lock, PendingCall& pending) {
  while (!pending.done && !check_deadline(lock, pending)) {
    const ConnectionRef connection = connection_;
    if (!connection || connection->reading) {
      park(lock, pending);
      continue;
    }
    connection->reading = true;
    while (!pending.done && connection == connection_ && !is_past(pending.next_deadline())) {
      read_once(lock, connection, pending.next_deadline());
    }
    put_down_baton(connection);
  }
}

// The I/O thread may read next but is blocked in poll(). With rings, poll() reports input only if a
// reader has announced in the ring that it waits, so wake the thread.
void Session::put_down_baton(const ConnectionRef& connection) {
  connection->reading = false;
  const bool wants = table_.owned() > 0 || expects_notices_;
  if (wants && !connection->channel.may_poll_input()) wakeup_.wake();
}

void Session::park(Lock& lock, PendingCall& pending) {
  pending.parked = true;
  ++parked_;
  if (const Deadline until = pending.next_deadline()) {
    pending.wake.wait_until(lock, *until);
  } else {
    pending.wake.wait(lock);
  }
  --parked_;
  pending.parked = false;
}

// Without memory for a reply the stream cannot be decoded any further, so the connection is
// dropped.
void Session::read_once(Lock& lock, const ConnectionRef& connection, const Deadline& deadline) {
  try {
    const std::span<char> space = connection->inbox.space();
    lock.unlock();
    const Socket::Result got = connection->channel.receive(space, deadline);
    lock.lock();
    if (connection != connection_) return;
    if (got.io == Socket::Io::ended)
      return disconnect(connection, connection->channel.end_reason());
    if (got.io == Socket::Io::some) {
      connection->inbox.filled(got.bytes);
      process_messages(connection);
      if (!connection->inbox.empty()) {
        progress_.moved(got.bytes, LifeClock::now(), lease_.ttl());
      }
    }
    if (!connection->outbox.empty()) flush(lock);
  } catch (const std::bad_alloc&) {
    disconnect(connection, "there is no memory for a reply");
  }
}

void Session::process_messages(const ConnectionRef& connection) {
  for (;;) {
    auto message = connection->inbox.next();
    if (!message)
      return disconnect(connection, "the server sent nonsense: " + message.error().message);
    if (!*message) break;
    ServerMessage& received = **message;
    if (received.kind == ServerMessage::Kind::notice) {
      notices_.emplace_back(received.notice);
      wakeup_.wake();
    } else if (!process_reply(received)) {
      return disconnect(connection, received.ok() ? "the server replied to a call that was not made"
                                                  : "the server refused the connection: " +
                                                        received.error->message);
    }
  }
  if (over()) disconnect(connection, lost_reason_);
  if (!queue_.empty()) send_queued();
}

// Returns false if no call has the number of this reply.
bool Session::process_reply(ServerMessage& message) {
  if (!message.ok() && message.error->code == Errc::session_lost && !over()) {
    // The I/O thread asks the server which resources were lost; new calls open a new session.
    lost_reason_ = message.error->message;
    over_.store(true, std::memory_order_release);
    if (mapping_) mapping_->end();
  }
  CallTable::Match match = table_.match(message);
  if (match.kind == CallTable::Match::Kind::stray) return false;
  lease_.answered(match.sent_at);
  proven_ = true;
  if (match.kind == CallTable::Match::Kind::dropped) undo_dropped(message, std::move(match.undo));
  if (match.kind == CallTable::Match::Kind::refused) {
    refused_until_ = Clock::now() + kRefusedPause;
    refused_.push_back({match.pending, std::move(match.owned)});
    wakeup_.wake();
  } else if (match.owned) {
    if (match.owned->due) deadlines_.erase(*match.owned->due);
    forget_ticket(*match.owned);
    if (match.owned->declines != 0) table_.finished(match.owned->declines, false);
    if (match.undo) undo_dropped(message, std::move(match.undo));
    match.owned->gate_hold.release();
    acknowledge_early(*match.owned);
    completed_.push_back(std::move(match.owned));
    wakeup_.wake();
  } else if (match.pending != nullptr) {
    if (match.pending->parked) match.pending->wake.notify_one();
  }
  return true;
}

// Acknowledges a reply before its handler runs, which may take long. The server refuses new calls
// while its backlog of unacknowledged replies is full, and later calls would overtake refused ones.
void Session::acknowledge_early(OwnedCall& call) {
  if (call.completion && call.call.redelivers) return;
  const bool kept =
      call.call.effect == CallEffect::changes || !anonymous_names(call.result).empty();
  table_.finished(std::exchange(call.number, 0), kept);
}

// Gives back what the server granted with the reply to an abandoned call: holds, a reservation,
// permits.
void Session::undo_dropped(const ServerMessage& message, std::unique_ptr<OwnedCall> undo) {
  std::vector<std::unique_ptr<OwnedCall>> calls;
  if (undo) calls.push_back(std::move(undo));
  if (message.ok()) {
    for (const std::string& name : anonymous_names(message.result)) {
      const Params params = params_of(name);
      Call release = call_of(methods::object_release);
      calls.push_back(std::make_unique<OwnedCall>(release.with(params), Deadline()));
    }
  }
  for (auto& call : calls) {
    PendingCall& pending = *call;
    submit_or_queue({&pending, std::move(call)});
  }
  if (!calls.empty()) wakeup_.wake();
}

void Session::pass_baton() {
  if (parked_ == 0 || !connection_ || connection_->reading) return;
  if (PendingCall* next = table_.parked()) next->wake.notify_one();
}

void Session::disconnect(ConnectionRef connection, const std::string& reason) noexcept {
  if (connection != connection_) return;
  connection_.reset();
  if (mapping_) mapping_->close_gate();
  disconnected_at_ = LifeClock::now();
  if (!over()) lost_reason_ = reason;
  connection->channel.shut_down();
  may_send_.notify_all();
  wakeup_.wake();
}

}  // namespace agora::detail
