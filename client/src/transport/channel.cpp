// SPDX-License-Identifier: MIT

#include "client/src/transport/channel.hpp"

#include <array>
#include <cerrno>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace agora::detail {
namespace {

/// Tells the thread sanitizer of the happens-before edge from a send to the receipt of a reply, as
/// when a lock passes from one thread to another. The server creates that order, where the
/// sanitizer cannot see it. It assumes such an edge for sockets, but not for rings.
#if defined(__SANITIZE_THREAD__)
constinit char through_the_server = 0;
void before_sending() { __tsan_release(&through_the_server); }
void after_receiving() { __tsan_acquire(&through_the_server); }
#else
void before_sending() {}
void after_receiving() {}
#endif

/// How often a writer checks for room while another thread reads the doorbells, among them the one
/// that reports room.
constexpr std::chrono::milliseconds kRecheck{1};

}  // namespace

Channel::Channel(Dialed dialed)
    : socket_(std::move(dialed.socket)),
      tls_(dialed.tls ? std::make_unique<TlsLayer>(*socket_, std::move(dialed.tls)) : nullptr) {}

Channel::~Channel() {
  if (rings_ != nullptr) ::munmap(rings_, shm::kRingTotal);
}

Dialed Channel::release() {
  Dialed released{nullptr, tls_ ? tls_->release() : nullptr, {}};
  tls_.reset();
  released.socket = std::move(socket_);
  return released;
}

bool Channel::switch_to_rings(int memfd) {
  struct stat status {};
  if (::fstat(memfd, &status) != 0 || status.st_size < static_cast<off_t>(shm::kRingTotal)) {
    return false;
  }
  void* base = ::mmap(nullptr, shm::kRingTotal, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
  if (base == MAP_FAILED) return false;
  static_cast<void>(::madvise(base, shm::kRingTotal, MADV_DONTDUMP));
  rings_ = static_cast<std::byte*>(base);
  out_ = shm::RingWriter(shm::to_server(rings_));
  in_ = shm::RingReader(shm::to_client(rings_));
  return true;
}

Socket::Result Channel::send(std::span<const iovec> parts) {
  before_sending();
  if (rings_ == nullptr) return tls_ ? tls_->send(parts) : socket_->send(parts);
  const auto room = out_.room();
  if (!room) return {Socket::Io::ended, 0};
  if (*room == 0) return {ended_ ? Socket::Io::ended : Socket::Io::later, 0};
  const std::size_t put = out_.put(parts);
  const bool asleep = out_.publish(shm::current_cpu());
  server_awake_.store(!asleep, std::memory_order_relaxed);
  if (asleep && !ring_doorbell()) return {Socket::Io::ended, 0};
  return {Socket::Io::some, put};
}

Socket::Result Channel::receive(std::span<char> space, const Deadline& deadline) {
  const Socket::Result got = rings_ != nullptr ? receive_from_ring(space, deadline)
                             : tls_            ? tls_->receive(space, deadline)
                                               : socket_->receive(space, deadline);
  if (got.io == Socket::Io::some) after_receiving();
  return got;
}

Socket::Result Channel::receive_from_ring(std::span<char> space, const Deadline& deadline) {
  const bool may_wait = !is_past(deadline);
  if (may_wait) {
    static_cast<void>(spin_.spin_until(in_.writer_cpu(),
                                       server_awake_.load(std::memory_order_relaxed),
                                       [this] { return !in_.empty(); }));
  }
  Socket::Result got = take_from_ring(space);
  if (got.io != Socket::Io::later) return got;
  // Announce the wait before the last check of the ring: the server rings for any later byte.
  if (in_.wait_for_bytes()) {
    if (may_wait ? !wait_for_doorbell(deadline) : !drain_doorbell()) return {};
  }
  return take_from_ring(space);
}

/// Takes bytes from the ring. Reports the end of the connection only once the ring is empty.
Socket::Result Channel::take_from_ring(std::span<char> space) {
  const bool ended = ended_;
  const auto count = in_.take(space);
  if (!count || (*count == 0 && ended)) return {Socket::Io::ended, 0};
  if (*count == 0) return {};
  // The server is in the middle of a large message: it is awake, and more will follow at once.
  if (*count >= shm::kRingPartBytes) server_awake_.store(true, std::memory_order_relaxed);
  if (in_.release()) static_cast<void>(ring_doorbell());
  return {Socket::Io::some, *count};
}

Socket::Ready Channel::wait_writable(bool or_readable, const Deadline& deadline) {
  if (rings_ == nullptr) {
    if (or_readable && tls_ && tls_->has_input()) return {true, false};
    return socket_->wait_writable(or_readable, deadline);
  }
  // A large message fills the ring many times. The server makes room sooner than it could wake this
  // thread.
  static_cast<void>(
      room_spin_.spin_until(in_.writer_cpu(), server_awake_.load(std::memory_order_relaxed),
                            [&] { return out_.has_room() || (or_readable && !in_.empty()); }));
  if (!out_.wait_for_room()) return {false, true};
  if (or_readable && !in_.wait_for_bytes()) return {true, false};
  Deadline until = deadline;
  if (!or_readable) {
    const auto soon = Clock::now() + kRecheck;
    if (!until || soon < *until) until = soon;
  }
  pollfd wanted{fd(), POLLIN, 0};
  ::poll(&wanted, 1, milliseconds_left(until, 5000));
  if (or_readable && wanted.revents != 0) static_cast<void>(drain_doorbell());
  return {or_readable && (!in_.empty() || ended_), true};
}

bool Channel::may_poll_input() {
  if (rings_ == nullptr) return !tls_ || !tls_->has_input();
  return in_.wait_for_bytes();
}

std::string Channel::end_reason() {
  std::string reason = tls_failure();
  return reason.empty() ? "the server has closed the connection" : reason;
}

short Channel::room_event() {
  if (rings_ == nullptr) return POLLOUT;
  return out_.wait_for_room() ? POLLIN : short{0};
}

/// Wakes the server. If the socket is full, an earlier doorbell is still unread, which suffices.
/// Returns false if the connection is over.
bool Channel::ring_doorbell() {
  const iovec one{const_cast<char*>(""), 1};
  return socket_->send({&one, 1}).io != Socket::Io::ended;
}

/// Reads all doorbell bytes without waiting. Returns true if there were any, or at the end.
bool Channel::drain_doorbell() {
  std::array<char, 256> doorbells;
  bool any = false;
  while (!ended_) {
    const Socket::Result got = socket_->receive_nonblocking(doorbells);
    if (got.io == Socket::Io::later) return any;
    if (got.io == Socket::Io::ended) ended_ = true;
    any = true;
  }
  return true;
}

bool Channel::wait_for_doorbell(const Deadline& deadline) {
  if (ended_) return true;
  std::array<char, 256> doorbells;
  const Socket::Result got = socket_->receive(doorbells, deadline);
  if (got.io == Socket::Io::ended) ended_ = true;
  return got.io != Socket::Io::later;
}

}  // namespace agora::detail
