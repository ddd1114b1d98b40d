// SPDX-License-Identifier: MIT

#include "server/net/connection.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <span>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <utility>

#include <asio/post.hpp>

#include "shared/net/nonblocking.hpp"

namespace agora {
namespace {

/// The doorbell wakes the peer of a ring. No message of any protocol begins with this byte.
constexpr char kDoorbell = 0;

/// Sends the parts and, with the first byte, the descriptors.
ssize_t send_with(int fd, std::span<iovec> parts, std::span<const int> descriptors) {
  std::vector<char> control(CMSG_SPACE(descriptors.size_bytes()));
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
  std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
  return ::sendmsg(fd, &message, MSG_NOSIGNAL);
}

}  // namespace

Connection::Connection(Hub& hub, StreamSocket socket, Peer peer, std::unique_ptr<TlsChannel> tls)
    : hub_(hub),
      socket_(std::move(socket)),
      proven_pid_(peer.pid_proven ? peer.pid : 0),
      tls_(std::move(tls)),
      undecided_(hub.tls() != nullptr && peer.transport == "tcp" ? std::make_unique<Peer>(peer)
                                                                 : nullptr),
      special_(tls_ || undecided_),
      dialogue_(hub.context(), std::move(peer)) {}

/// Waits until the socket is readable: if it is so already, for bytes, the end of input or what
/// follows urgent data, Asio reports that too.
void Connection::wait_for_input() {
  if (waiting_) return;
  socket_.async_wait(StreamSocket::wait_read, [self = shared_from_this()](const std::error_code&) {
    self->waiting_ = false;
    // After an error the read fails, and says why.
    if (self->socket_.is_open()) self->on_input();
  });
  waiting_ = true;
}

void Connection::go_on(bool arrived) {
  if (!socket_.is_open() || waiting_) return;
  arrived ? on_input() : wait_for_input();
}

void Connection::fail() {
  dialogue_.abandon();
  hub_.touch(*this);
  hub_.turn_soon();
}

void Connection::wait_for_space() {
  write_blocked_ = true;
  if (std::exchange(waiting_for_space_, true)) return;
  socket_.async_wait(StreamSocket::wait_write, [self = shared_from_this()](const std::error_code&) {
    self->waiting_for_space_ = false;
    if (!self->socket_.is_open()) return;
    self->write_blocked_ = false;
    self->hub_.touch(*self);
    self->hub_.turn_soon();
  });
}

/// The bytes of held back lines stay unread, and Asio reports the end of input only behind them. So
/// the connection asks the kernel for the end, once a second.
void Connection::ask_for_end_later() {
  if (end_timer_) return;
  end_timer_ = std::make_unique<SteadyTimer>(hub_.io(), std::chrono::seconds{1});
  end_timer_->async_wait([self = shared_from_this()](const std::error_code& error) {
    self->end_timer_.reset();
    if (error || !self->socket_.is_open() || !self->dialogue_.held_back()) return;
    pollfd end{self->socket_.native_handle(), POLLRDHUP, 0};
    if (::poll(&end, 1, 0) == 0) return self->ask_for_end_later();
    self->dialogue_.peer_ended();
    self->hub_.touch(*self);
    self->hub_.turn_soon();
  });
}

void Connection::on_input() {
  readable_ = true;
  if (on_ring_) {
    drain_doorbells();
    write_blocked_ = false;
  }
  if (reading_) read();
  hub_.touch(*this);
  hub_.turn_soon();
}

void Connection::peer_closed() {
  if (!socket_.is_open()) return;
  if (dialogue_.held_back()) dialogue_.peer_ended();
  if (!on_ring_) write_blocked_ = false;  // a peer that has closed both sides is known by an error
  peer_closed_ = true;
  on_input();
  constexpr int kReadsMax = 8;
  for (int i = 0; i < kReadsMax && may_read() && read_some(); ++i) {
  }
}

bool Connection::may_read() const {
  return reading_ && !on_ring_ && !input_ended_ && !dialogue_.has_backlog() && !dialogue_.full() &&
         !dialogue_.closing();
}

bool Connection::ends_soon() const {
  return socket_.is_open() && resume_posted_ && !write_blocked_;
}

bool Connection::drain(SessionId session) {
  if (!socket_.is_open() || dialogue_.closing()) return true;
  dialogue_.only_harmless();
  hub_.touch(*this);
  if (drain_input()) return true;
  broken_ = true;
  draining_ = session;
  return false;
}

/// Takes the bytes that the client has sent by now, and drops the replies, since the client reads
/// nothing any more. Later bytes are not taken: a child that has inherited the socket may send for
/// ever. Returns false if an expensive call holds up the rest.
bool Connection::drain_input() {
  read_bytes_max_ = read_bytes_ + unread_bytes();
  if (!on_ring_) readable_ = true;  // even if Asio has not reported it yet
  const auto run_backlog = [this] {
    while (dialogue_.has_backlog()) {
      dialogue_.proceed();
      dialogue_.drop_output();
    }
  };
  run_backlog();
  while (read_bytes_ < read_bytes_max_ && !dialogue_.closing() && !dialogue_.defers() &&
         read_some()) {
    run_backlog();
  }
  return !dialogue_.defers();
}

/// Tells the hub that all calls of a dead process were taken.
void Connection::end_draining() {
  if (draining_) hub_.drained(std::exchange(draining_, {}), link());
}

/// Returns how many bytes have arrived and were not read; for a ring, the most that it can hold.
std::size_t Connection::unread_bytes() {
  if (on_ring_) return shm::kRingBytes;
  int bytes = 0;
  return ::ioctl(socket_.native_handle(), FIONREAD, &bytes) == 0 ? static_cast<std::size_t>(bytes)
                                                                 : 0;
}

/// Reads once; up to kReadsMax times while a large message is under way. Switching between the
/// large messages of many connections after each read would evict them from the caches.
void Connection::read() {
  constexpr int kReadsMax = 8;
  for (int i = 0; i < kReadsMax && read_some() && dialogue_.large_message_under_way(); ++i) {
  }
}

/// Reads once. @return whether bytes were read and there may be more
bool Connection::read_some() { return special_ ? read_specially() : read_plain(); }

bool Connection::read_plain() {
  if (input_ended_ || !readable_) return false;
  const std::span<char> into = dialogue_.room();
  const ssize_t got = receive_nonblocking(socket_.native_handle(), into);
  // A short read has emptied the socket, unless the end or urgent data follow: a new wait reports
  // them. Of a peer that has closed it is known that the end follows.
  readable_ = got == static_cast<ssize_t>(into.size()) || (peer_closed_ && got > 0);
  if (got > 0) read_bytes_ += static_cast<std::size_t>(got);
  if (got > 0 && ring_) {
    special_ = on_ring_ = into[0] == kDoorbell;
    if (!on_ring_) {
      ring_.reset();
    } else {
      drain_doorbells();  // the end of the socket may follow the first doorbell
      return read_ring();
    }
  }
  if (got > 0) {
    dialogue_.received(static_cast<std::size_t>(got));
  } else if (got == 0) {
    input_ended_ = true;
    dialogue_.end_of_input();
  } else if (errno != EAGAIN) {
    input_ended_ = true;
    dialogue_.abandon();
  }
  return got > 0;
}

void Connection::resume() {
  resume_posted_ = false;
  if (!socket_.is_open()) return;
  if (dialogue_.has_backlog()) {
    dialogue_.proceed();
  } else if (reading_) {
    read();
  }
  hub_.touch(*this);
  hub_.turn();
}

void Connection::flush() {
  if (!socket_.is_open()) return;
  // A few outputs full: the other connections come first if the client reads as fast as this sends.
  constexpr int kRefillsMax = 4;
  for (int refills = 0; !write_blocked_ && !broken_; ++refills) {
    if (!send_some()) {
      // The client reads nothing any more, but the calls that it had sent by now still count.
      broken_ = true;
      read_bytes_max_ = read_bytes_ + unread_bytes();
      if (!on_ring_) readable_ = true;
    }
    if (refills == kRefillsMax || !dialogue_.refill_output()) break;
  }
  if (broken_) dialogue_.drop_output();
  after_turn();
  if (socket_.is_open()) hub_.count_buffers(*this);
}

void Connection::after_turn() {
  // Even if the dialogue takes no input: a doorbell may say that the ring has space for output.
  if (on_ring_ && !socket_ended_) wait_for_input();
  if (dialogue_.defers() && dialogue_.has_room()) hub_.resume_deferred(link());
  const bool backlog = dialogue_.has_backlog() || (dialogue_.holds_replies() && !write_blocked_);
  if (dialogue_.closing()) {
    reading_ = false;
    dialogue_.free_if_cut_off();
    if (dialogue_.ended() && (all_sent() || broken_) && !backlog) return close();
    if (on_ring_ && write_blocked_) hub_.poll_before_sleep(*ring_, *this);
    if (backlog) resume_soon();
    return;
  }
  reading_ = !backlog && !dialogue_.full();
  const bool more = on_ring_ ? socket_ended_ || !ring_->in.empty() : readable_;
  if (broken_ && !backlog && !dialogue_.defers() &&
      (!more || input_ended_ || read_bytes_ >= read_bytes_max_)) {
    dialogue_.abandon();
    end_draining();
    return hub_.touch(*this);
  }
  if (on_ring_ && (reading_ || write_blocked_)) hub_.poll_before_sleep(*ring_, *this);
  if (dialogue_.held_back()) ask_for_end_later();
  const bool wants_input = reading_ && !input_ended_;
  if (wants_input && !readable_ && !waiting_) hub_.speculative_poll().add(*this);
  if (!backlog && !(wants_input && readable_)) return;
  resume_soon();
}

/// Goes on with this connection behind all others: it has used up its share of the turn.
void Connection::resume_soon() {
  if (resume_posted_) return;
  asio::post(hub_.io(), [self = shared_from_this()] { self->resume(); });
  resume_posted_ = true;
}

bool Connection::send_some() {
  if (special_) return send_specially();
  return send_plain();
}

bool Connection::send_plain() {
  Output& output = dialogue_.output();
  std::size_t total = 0;
  while (!output.empty()) {
    std::array<iovec, 16> parts;
    const std::size_t count = output.gather(parts);
    const std::span<iovec> next{parts.data(), count};
    const ssize_t sent = descriptors_.empty()
                             ? send_nonblocking(socket_.native_handle(), next)
                             : send_with(socket_.native_handle(), next, descriptors_);
    if (sent >= 0) {
      descriptors_.clear();
      output.consume(static_cast<std::size_t>(sent));
      total += static_cast<std::size_t>(sent);
    } else if (errno == EAGAIN) {
      wait_for_space();
      note_sent(total);
      return true;
    } else if (errno == ETOOMANYREFS && !descriptors_.empty()) {
      // Programs of this user have left too many passed descriptors unread. The client sees that
      // its own did not come, and makes calls instead of using shared memory.
      descriptors_.clear();
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

/// Notes the progress of output that the client has not read whole.
void Connection::note_sent(std::size_t bytes) {
  if (bytes == 0) return;
  dialogue_.note_sent(bytes);
  hub_.turn_soon();
}

// ---- the ring ------------------------------------------------------------------------------

void Connection::offer_ring(std::size_t& count) {
  if (!ring_ && (ring_ = Ring::make(count))) pass_descriptor(ring_->descriptor());
}

/// Reads all doorbells from the socket. A doorbell says that the client has written to its ring, or
/// has freed space in ours; the end of the socket says that it has gone.
void Connection::drain_doorbells() {
  const std::span<char> space = hub_.context().room();
  while (!socket_ended_) {
    const ssize_t got = receive_nonblocking(socket_.native_handle(), space);
    if (got < 0 && errno == EAGAIN) break;
    if (got <= 0) socket_ended_ = true;
  }
  readable_ = socket_ended_;
}

/// Wakes the client. A full socket needs no further byte: it holds doorbells that were not read.
void Connection::send_doorbell() {
  static_cast<void>(::send(socket_.native_handle(), &kDoorbell, 1, MSG_NOSIGNAL | MSG_DONTWAIT));
}

bool Connection::read_ring() {
  if (input_ended_) return false;
  const bool ended = socket_ended_;  // loaded first: the client wrote to the ring before the end
  const auto got = ring_->in.take(dialogue_.room());
  if (!got || (*got == 0 && ended)) {
    input_ended_ = true;
    got ? dialogue_.end_of_input() : dialogue_.abandon();
    return false;
  }
  if (*got == 0) return false;
  read_bytes_ += *got;
  // The client is in the middle of a large message: it is awake, and more will follow at once.
  if (*got >= shm::kRingPartBytes) ring_->peer_awake = true;
  if (ring_->in.release()) send_doorbell();
  dialogue_.received(*got);
  return true;
}

bool Connection::send_by_ring() {
  Output& output = dialogue_.output();
  std::size_t total = 0;
  while (!output.empty()) {
    const auto room = ring_->out.room();
    if (!room || (*room == 0 && socket_ended_)) return false;
    if (*room == 0) {
      write_blocked_ = true;  // the hub polls the ring for room before it sleeps
      note_sent(total);
      return true;
    }
    std::array<iovec, 16> parts;
    const std::size_t count = output.gather(parts);
    const std::size_t put = ring_->out.put(std::span{parts}.first(count));
    output.consume(put);
    total += put;
    const bool asleep = ring_->out.publish(shm::current_cpu());
    ring_->peer_awake = !asleep;
    if (asleep) send_doorbell();
  }
  return true;
}

bool Connection::poll_ring() {
  const bool room = write_blocked_ && ring_->out.has_room();
  const bool bytes = reading_ && !input_ended_ && !ring_->in.empty();
  if (!room && !bytes) return false;
  if (room) write_blocked_ = false;
  if (bytes) read();
  hub_.touch(*this);
  return true;
}

bool Connection::ready_to_sleep() {
  const bool no_room = !write_blocked_ || ring_->out.wait_for_room();
  const bool no_bytes = !reading_ || input_ended_ || ring_->in.wait_for_bytes();
  ring_->polled = !(no_room && no_bytes);
  return !ring_->polled;
}

std::optional<std::uint32_t> Connection::active_client_cpu() const {
  const bool waits = write_blocked_ || (reading_ && !input_ended_);
  if (!ring_->peer_awake || !waits) return std::nullopt;
  return ring_->in.writer_cpu();
}

void Connection::close() {
  end_draining();
  if (tls_ && socket_.is_open() && !broken_) {
    tls_->stream->close(tls_->unsent);
    static_cast<void>(send_records());
  }
  hub_.forget_buffers(*this);
  std::error_code ignored;
  socket_.close(ignored);
  end_timer_.reset();
  hub_.remove(link());
}

}  // namespace agora
