#include "client/src/connection.hpp"

#include <chrono>
#include <new>
#include <span>
#include <utility>

#include "shared/base/limits.hpp"
#include "shared/wire/error_data.hpp"

namespace agora::client {
namespace {

/// What the frame around the parameters may take: header, number, method.
constexpr std::size_t kHeadBytesMax = 1024;
constexpr std::chrono::seconds kNotifyTime{1};

iovec part(const std::string_view bytes) { return {const_cast<char*>(bytes.data()), bytes.size()}; }

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

Connection::Connection(std::unique_ptr<Socket> socket, std::uint64_t number)
    : socket_(std::move(socket)), number_(number) {}

Connection::Outcome Connection::call(const Call& call, const Deadline& deadline) {
  const std::size_t bytes_max = Limits{}.frame_bytes_max - kHeadBytesMax;
  if (call.params.size() > bytes_max || call.method.size() > kHeadBytesMax / 2) {
    return {
        fail(agora::too_large("frame_bytes_max", std::string(call.method.substr(0, 80)) +
                                                     ": the parameters are larger than a message")),
        false};
  }
  Slot slot(call);
  std::string head;
  head.reserve(kHeadBytesMax);  // nothing may throw while the table knows the slot
  Lock lock(mutex_);
  if (lost())
    return {fail(Errc::unavailable, std::string(call.method) + ": " + lost_reason_), false};
  const std::uint32_t id = table_.open(slot);
  begin_msgpack_request(id, call.method, call.count, head);
  iovec parts[] = {part(head), part(call.params)};
  // Said beforehand: the reply, or the end, may come before this thread has the lock again.
  slot.sent = true;
  bool any_sent = false;
  if (send(lock, parts, deadline, any_sent)) {
    await(lock, slot, deadline);
  } else {
    slot.sent = false;
    if (slot.error) slot.error->done = Done::no;
    if (any_sent) lose("a call could not be sent whole in time");
  }
  return settle(lock, slot, id);
}

Connection::Outcome Connection::settle(Lock& lock, Slot& slot, std::uint32_t id) {
  if (!slot.done) {
    const bool maybe = slot.sent && slot.call.effect == Effect::changes;
    slot.error = std::make_unique<Error>(
        Error{Errc::timeout,
              std::string(slot.call.method) + ": the server did not answer in time",
              maybe ? Done::unknown : Done::no,
              {}});
    slot.sent ? table_.abandon(id) : table_.close(id);
  }
  pass_baton();
  if (!undos_.empty()) send_undos(lock);
  if (slot.error) return {Failure{std::move(slot.error)}, slot.sent};
  return {std::move(slot.result), true};
}

bool Connection::send(Lock& lock, std::span<iovec> parts, const Deadline& deadline,
                      bool& any_sent) {
  while (sending_ && !lost()) {
    if (!deadline) {
      may_send_.wait(lock);
    } else if (may_send_.wait_until(lock, *deadline) == std::cv_status::timeout && sending_) {
      return false;
    }
  }
  if (lost()) return false;
  sending_ = true;
  lock.unlock();
  const bool whole = send_parts(parts, deadline, any_sent);
  lock.lock();
  sending_ = false;
  may_send_.notify_one();
  return whole;
}

bool Connection::send_parts(std::span<iovec> parts, const Deadline& deadline, bool& any_sent) {
  for (;;) {
    const Socket::Result sent = socket_->send(parts);
    switch (sent.io) {
      case Socket::Io::some:
        advance(parts, sent.bytes);
        if (parts.empty()) return true;
        any_sent = true;
        break;
      case Socket::Io::ended: {
        const Lock lock(mutex_);
        lose("the connection to the server is lost");
        return false;
      }
      case Socket::Io::later:
        if (is_past(deadline) || lost()) return false;
        wait_to_send(deadline);
        break;
    }
  }
}

// The server stops reading from a connection whose answers nobody takes, so a writer that has to
// wait reads in the meantime, unless somebody does already.
void Connection::wait_to_send(const Deadline& deadline) {
  Lock lock(mutex_);
  const bool baton = !reading_;
  reading_ = true;
  lock.unlock();
  const Socket::Ready ready = socket_->wait_writable(baton, deadline);
  if (!baton) return;
  lock.lock();
  if (ready.readable) read_turn(lock, deadline);
  reading_ = false;
  pass_baton();
}

void Connection::await(Lock& lock, Slot& slot, const Deadline& deadline) {
  while (!slot.done && !is_past(deadline)) {
    if (!reading_) {
      reading_ = true;
      while (!slot.done && !is_past(deadline)) read_turn(lock, deadline);
      reading_ = false;
    } else {
      slot.parked = true;
      if (deadline) {
        slot.wake.wait_until(lock, *deadline);
      } else {
        slot.wake.wait(lock);
      }
      slot.parked = false;
    }
  }
}

// Without memory for a reply the stream cannot be followed any more.
void Connection::read_turn(Lock& lock, const Deadline& deadline) {
  try {
    read_some(lock, deadline);
  } catch (const std::bad_alloc&) {
    lose("there is no memory for a reply");
  }
}

void Connection::read_some(Lock& lock, const Deadline& deadline) {
  const std::span<char> space = inbox_.space();
  lock.unlock();
  const Socket::Result got = socket_->receive(space, deadline);
  lock.lock();
  if (got.io == Socket::Io::ended) return lose("the server has closed the connection");
  if (got.io != Socket::Io::some) return;
  inbox_.filled(got.bytes);
  deal_all();
}

void Connection::deal_all() {
  for (;;) {
    auto message = inbox_.next();
    if (!message) return lose("the server sent nonsense: " + message.error().message);
    if (!*message) return;
    ServerMessage& reply = **message;
    if (reply.kind != ServerMessage::Kind::reply) continue;
    CallTable::Deal deal = table_.deal(reply);
    switch (deal.dealt) {
      case CallTable::Dealt::delivered:
        if (deal.slot->parked) deal.slot->wake.notify_one();
        break;
      case CallTable::Dealt::dropped:
        undos_ += deal.undo;
        break;
      case CallTable::Dealt::stray:
        return lose(reply.ok() ? "the server answered a call that nobody made"
                               : "the server refused the connection: " + reply.error->message);
    }
  }
}

void Connection::pass_baton() {
  if (reading_) return;
  if (Slot* next = table_.parked()) next->wake.notify_one();
}

void Connection::lose(const std::string& reason) noexcept {
  if (lost()) return;
  lost_.store(true, std::memory_order_release);
  lost_reason_ = reason;
  table_.fail_all(reason);
  socket_->shut_down();
  may_send_.notify_all();
}

void Connection::send_undos(Lock& lock) {
  const std::string messages = std::exchange(undos_, {});
  iovec parts[] = {part(messages)};
  bool any_sent = false;
  const bool whole = send(lock, parts, Clock::now() + kNotifyTime, any_sent);
  if (!whole && any_sent) lose("a message could not be sent whole in time");
}

void Connection::notify(const std::string& message) noexcept {
  try {
    Lock lock(mutex_);
    if (lost()) return;
    undos_ += message;
    send_undos(lock);
  } catch (...) {  // NOLINT(bugprone-empty-catch): best effort, as the contract says
  }
}

bool Connection::alive() {
  if (lost()) return false;
  if (socket_->alive()) return true;
  const Lock lock(mutex_);
  // With calls in flight the replies that have come already are worth more than the news.
  if (table_.size() == 0 && !reading_) lose("the server has closed the connection");
  return false;
}

}  // namespace agora::client
