#include "server/net/connection.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <utility>

#include "shared/net/nonblocking.hpp"

namespace agora {
namespace {

/// Told once, in the order in which it comes: who connects and then speaks over another connection
/// is met in that order.
constexpr std::uint32_t kInput = EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLET;

/// What wakes a peer that speaks through a ring. No message of any form begins with it.
constexpr char kBell = 0;

/// Sends parts, and with the first byte the descriptors.
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

Connection::Connection(Hub& hub, Descriptor socket, Peer peer)
    : hub_(hub),
      socket_(std::move(socket)),
      proven_pid_(peer.pid_proven ? peer.pid : 0),
      dialogue_(hub.context(), std::move(peer)) {}

void Connection::start() {
  hub_.loop().add(socket_.get(), kInput, *this);
  watched_ = true;
}

/// Input is told once when it comes; room for output only while it is waited for, since each
/// answer that a peer takes would be told.
void Connection::wait_for_room(bool wanted) {
  if (writing_ == wanted) return;
  writing_ = wanted;
  hub_.loop().change(socket_.get(), wanted ? kInput | EPOLLOUT : kInput, *this);
}

void Connection::on_ready(std::uint32_t events) {
  if (on_ring_) {
    hear_bells();
    writing_ = false;
    if (reading_) read();
    hub_.touch(*this);
    return hub_.turn_soon();
  }
  const bool gone = (events & (EPOLLERR | EPOLLHUP)) != 0;
  if (gone || (events & (EPOLLIN | EPOLLRDHUP)) != 0) readable_ = true;
  if (gone || (events & (EPOLLRDHUP | EPOLLPRI)) != 0) until_dry_ = true;
  if (gone || (events & EPOLLOUT) != 0) wait_for_room(false);
  if (reading_) read();
  hub_.touch(*this);
  hub_.turn_soon();
}

void Connection::drain() {
  if (!socket_.is_open() || dialogue_.closing()) return;
  dialogue_.only_harmless();
  run_rest();
  hub_.touch(*this);
}

/// Takes what the peer, who hears nothing any more, had sent by now; what was read before first.
/// More may come all the time, from a child that has its socket.
void Connection::run_rest() {
  const std::size_t end = read_bytes_ + waiting_bytes();
  if (!on_ring_) readable_ = true;  // whatever the loop has told so far
  const auto run_backlog = [this] {
    while (dialogue_.has_backlog()) {
      dialogue_.proceed();
      dialogue_.output() = {};  // nobody is there to read it
    }
  };
  run_backlog();
  while (read_bytes_ < end && !dialogue_.closing() && read_some()) run_backlog();
}

/// What has come and was not read yet.
std::size_t Connection::waiting_bytes() const {
  if (on_ring_) return shm::kRingBytes;
  int bytes = 0;
  return ::ioctl(socket_.get(), FIONREAD, &bytes) == 0 ? static_cast<std::size_t>(bytes) : 0;
}

/// A large message is read on for a while: the parts of many at once would push each other out of
/// the caches.
void Connection::read() {
  constexpr int kInARow = 8;
  for (int i = 0; i < kInARow && read_some() && dialogue_.large_message_under_way(); ++i) {
  }
}

/// True if there was something and there may be more.
bool Connection::read_some() {
  if (on_ring_) return read_ring();
  if (input_ended_ || !readable_) return false;
  const std::span<char> into = dialogue_.room();
  const ssize_t got = receive_nonblocking(socket_.get(), into);
  // Less than there was room for: that was all, unless the end or urgent data stand behind it.
  readable_ = got > 0 && (until_dry_ || got == static_cast<ssize_t>(into.size()));
  if (got > 0) read_bytes_ += static_cast<std::size_t>(got);
  if (got > 0 && ring_) {
    on_ring_ = into[0] == kBell;
    if (!on_ring_) {
      ring_.reset();
    } else {
      hear_bells();  // the end may stand right behind the first one
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

void Connection::go_on() {
  goes_on_ = false;
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
  if (!writing_ && !broken_ && !send_some()) {
    // It hears nothing any more; what it had sent by now still counts.
    broken_ = true;
    rest_ = read_bytes_ + waiting_bytes();
    if (!on_ring_) readable_ = true;
  }
  if (broken_) dialogue_.output() = {};
  after_turn();
}

void Connection::after_turn() {
  if (dialogue_.closing()) {
    reading_ = false;
    if (dialogue_.ended() && dialogue_.output().empty()) close();
    return;
  }
  const bool backlog = dialogue_.has_backlog();
  reading_ = !backlog && !dialogue_.full();
  const bool more = on_ring_ ? socket_ended_ || !ring_->in.empty() : readable_;
  if (broken_ && !backlog && (!more || input_ended_ || read_bytes_ >= rest_)) {
    dialogue_.abandon();
    return hub_.touch(*this);
  }
  if (on_ring_ && reading_) hub_.warm_up(*ring_, *this);
  if (!backlog && !(reading_ && readable_ && !input_ended_)) return;
  // The others first: this one has had its share of the turn.
  if (std::exchange(goes_on_, true)) return;
  hub_.loop().post([self = shared_from_this()] { self->go_on(); });
}

bool Connection::send_some() {
  if (on_ring_) return send_by_ring();
  Output& output = dialogue_.output();
  while (!output.empty()) {
    std::array<iovec, 16> parts;
    const std::size_t count = output.gather(parts);
    const std::span<iovec> next{parts.data(), count};
    const ssize_t sent = descriptors_.empty() ? send_nonblocking(socket_.get(), next)
                                              : send_with(socket_.get(), next, descriptors_);
    if (sent >= 0) {
      descriptors_.clear();
      output.consume(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      wait_for_room(true);
      return true;
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

// ---- the ring ------------------------------------------------------------------------------

void Connection::offer_ring(std::size_t& count) {
  if (!ring_ && (ring_ = Ring::make(count))) pass_on(ring_->descriptor());
}

/// What the peer has said by a byte on its socket: that it has written, has made room, or has gone.
void Connection::hear_bells() {
  const std::span<char> space = hub_.context().room();  // free until something is read to it
  while (!socket_ended_) {
    const ssize_t heard = receive_nonblocking(socket_.get(), space);
    if (heard < 0 && errno == EAGAIN) break;
    if (heard <= 0) socket_ended_ = true;
  }
  readable_ = socket_ended_;
}

/// A socket that takes no more holds a byte that has not been heard.
void Connection::ring_bell() {
  static_cast<void>(::send(socket_.get(), &kBell, 1, MSG_NOSIGNAL | MSG_DONTWAIT));
}

bool Connection::read_ring() {
  if (input_ended_) return false;
  const bool ended = socket_ended_;  // looked at first: what stands in the ring came before it
  const auto got = ring_->in.take(dialogue_.room());
  if (!got || (*got == 0 && ended)) {
    input_ended_ = true;
    got ? dialogue_.end_of_input() : dialogue_.abandon();
    return false;
  }
  if (*got == 0) return false;
  read_bytes_ += *got;
  if (ring_->in.release()) ring_bell();
  dialogue_.received(*got);
  return true;
}

bool Connection::send_by_ring() {
  Output& output = dialogue_.output();
  while (!output.empty()) {
    const auto room = ring_->out.room();
    if (!room || (*room == 0 && socket_ended_)) return false;
    if (*room == 0) {
      writing_ = ring_->out.wait_for_room();
      if (writing_) return true;
      continue;
    }
    std::array<iovec, 16> parts;
    const std::size_t count = output.gather(parts);
    output.consume(ring_->out.put(std::span{parts}.first(count)));
    const bool asleep = ring_->out.publish(shm::current_cpu());
    ring_->peer_awake = !asleep;
    if (asleep) ring_bell();
  }
  return true;
}

bool Connection::read_ring_if_any() {
  if (!reading_ || input_ended_ || ring_->in.empty()) return false;
  read_ring();
  hub_.touch(*this);
  return true;
}

bool Connection::ready_to_sleep() {
  ring_->warm = false;
  return !reading_ || input_ended_ || ring_->in.wait_for_bytes();
}

std::optional<std::uint32_t> Connection::awake_on() const {
  if (!ring_->peer_awake || !reading_ || input_ended_) return std::nullopt;
  return ring_->in.writer_cpu();
}

void Connection::close_socket() {
  if (std::exchange(watched_, false)) hub_.loop().remove(socket_.get(), *this);
  socket_.close();
}

void Connection::close() {
  close_socket();
  hub_.remove(link());
}

}  // namespace agora
