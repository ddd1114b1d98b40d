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

/// What one thread did before it sent comes before what another does after the server's answer to
/// it, as when a lock passes on. The order is made in the server, where the thread sanitizer cannot
/// follow it: it assumes that for sockets, and has to be told for rings.
#if defined(__SANITIZE_THREAD__)
constinit char through_the_server = 0;
void before_sending() { __tsan_release(&through_the_server); }
void after_receiving() { __tsan_acquire(&through_the_server); }
#else
void before_sending() {}
void after_receiving() {}
#endif

/// While another thread hears the bell, a writer looks after so long whether there is room.
constexpr std::chrono::milliseconds kLookAgain{1};

}  // namespace

Channel::~Channel() {
  if (rings_ != nullptr) ::munmap(rings_, shm::kRingTotal);
}

bool Channel::go_over(int memfd) {
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
  if (rings_ == nullptr) return socket_->send(parts);
  const auto room = out_.room();
  if (!room) return {Socket::Io::ended, 0};
  if (*room == 0) return {ended_ ? Socket::Io::ended : Socket::Io::later, 0};
  const std::size_t put = out_.put(parts);
  const bool asleep = out_.publish(shm::current_cpu());
  server_awake_.store(!asleep, std::memory_order_relaxed);
  if (asleep && !ring_bell()) return {Socket::Io::ended, 0};
  return {Socket::Io::some, put};
}

Socket::Result Channel::receive(std::span<char> space, const Deadline& deadline) {
  const Socket::Result got =
      rings_ == nullptr ? socket_->receive(space, deadline) : receive_by_ring(space, deadline);
  if (got.io == Socket::Io::some) after_receiving();
  return got;
}

Socket::Result Channel::receive_by_ring(std::span<char> space, const Deadline& deadline) {
  const bool may_wait = !is_past(deadline);
  if (may_wait) {
    static_cast<void>(spin_.spin_until(in_.writer_cpu(),
                                       server_awake_.load(std::memory_order_relaxed),
                                       [this] { return !in_.empty(); }));
  }
  Socket::Result got = taken(space);
  if (got.io != Socket::Io::later) return got;
  // Said before the last look, so that whatever comes behind it is told.
  if (in_.wait_for_bytes()) {
    if (may_wait ? !await_bell(deadline) : !hear_bells()) return {};
  }
  return taken(space);
}

/// What stands in the ring; the end only behind all of it.
Socket::Result Channel::taken(std::span<char> space) {
  const bool ended = ended_;
  const auto count = in_.take(space);
  if (!count || (*count == 0 && ended)) return {Socket::Io::ended, 0};
  if (*count == 0) return {};
  if (in_.release()) static_cast<void>(ring_bell());
  return {Socket::Io::some, *count};
}

Socket::Ready Channel::wait_writable(bool or_readable, const Deadline& deadline) {
  if (rings_ == nullptr) return socket_->wait_writable(or_readable, deadline);
  if (!out_.wait_for_room()) return {false, true};
  if (or_readable && !in_.wait_for_bytes()) return {true, false};
  Deadline until = deadline;
  if (!or_readable) {
    const auto soon = Clock::now() + kLookAgain;
    if (!until || soon < *until) until = soon;
  }
  pollfd wanted{fd(), POLLIN, 0};
  ::poll(&wanted, 1, milliseconds_left(until, 5000));
  if (or_readable && wanted.revents != 0) static_cast<void>(hear_bells());
  return {or_readable && (!in_.empty() || ended_), true};
}

bool Channel::may_poll_input() { return rings_ == nullptr || in_.wait_for_bytes(); }

short Channel::room_event() {
  if (rings_ == nullptr) return POLLOUT;
  return out_.wait_for_room() ? POLLIN : short{0};
}

/// A socket that takes no more holds a byte that has not been heard. False: it is over.
bool Channel::ring_bell() {
  const iovec one{const_cast<char*>(""), 1};
  return socket_->send({&one, 1}).io != Socket::Io::ended;
}

/// Takes the bytes that are there. True if there were any, or the end.
bool Channel::hear_bells() {
  std::array<char, 256> bells;
  bool any = false;
  while (!ended_) {
    const Socket::Result heard = socket_->receive_nonblocking(bells);
    if (heard.io == Socket::Io::later) return any;
    if (heard.io == Socket::Io::ended) ended_ = true;
    any = true;
  }
  return true;
}

bool Channel::await_bell(const Deadline& deadline) {
  if (ended_) return true;
  std::array<char, 256> bells;
  const Socket::Result heard = socket_->receive(bells, deadline);
  if (heard.io == Socket::Io::ended) ended_ = true;
  return heard.io != Socket::Io::later;
}

}  // namespace agora::detail
