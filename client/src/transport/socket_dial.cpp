// SPDX-License-Identifier: MIT

// Socket::dial: from an address to a connected socket.

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "client/src/transport/socket.hpp"

namespace agora::detail {
namespace {

/// The pause before the next attempt while the listen backlog of a Unix socket is full. No poll
/// event reports that it has room again.
constexpr std::chrono::milliseconds kFullBacklogPause{5};

/// The head start of each address of a name before the next one is tried beside it (RFC 8305).
constexpr std::chrono::milliseconds kHeadStart{250};

Failure unreachable(const Address& address, const std::string& reason) {
  return fail(Errc::unavailable, "no server at " + address.text() + ": " + reason);
}

std::string reason_of(int problem) { return std::strerror(problem); }

// Waits until a connect in progress has finished. Returns 0 or the error number.
int finish_connect(int fd, const Deadline& deadline, const Wait& wait) {
  for (;;) {
    if (!wait(fd, POLLOUT, deadline)) return ECANCELED;
    pollfd wanted{fd, POLLOUT, 0};
    if (::poll(&wanted, 1, 0) > 0) break;
    if (is_past(deadline)) return ETIMEDOUT;
  }
  int problem = 0;
  socklen_t size = sizeof problem;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &size);
  return problem;
}

int connect_by(int fd, const sockaddr* where, socklen_t size, const Deadline& deadline,
               const Wait& wait) {
  for (;;) {
    if (::connect(fd, where, size) == 0 || errno == EISCONN) return 0;
    if (errno == EINPROGRESS || errno == EALREADY) return finish_connect(fd, deadline, wait);
    if (errno == EAGAIN) {
      if (is_past(deadline)) return ETIMEDOUT;
      const Clock::time_point next = Clock::now() + kFullBacklogPause;
      if (!wait(-1, 0, deadline ? std::min(*deadline, next) : next)) return ECANCELED;
    } else if (errno != EINTR) {
      return errno;
    }
  }
}

/// Makes the kernel notice within the ttl that the server has vanished: an idle connection by
/// keepalive, one under way by TCP_USER_TIMEOUT. A call that waits for ever then ends, too.
void tune_tcp(int fd, std::chrono::nanoseconds ttl) {
  constexpr int kProbes = 3;
  const auto ms =
      std::max<long long>(std::chrono::duration_cast<std::chrono::milliseconds>(ttl).count(), 1000);
  const int on = 1;
  const int idle_s = static_cast<int>(std::clamp<long long>(ms / 2000, 1, 30));
  const int interval_s = static_cast<int>(std::clamp<long long>(ms / 2000 / kProbes, 1, 10));
  const auto unconfirmed_ms = static_cast<unsigned>(std::min<long long>(ms, 3'600'000));
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &kProbes, sizeof kProbes);
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unconfirmed_ms, sizeof unconfirmed_ms);
}

// Returns a connected socket. On failure returns null and stores the error number in `problem`.
std::unique_ptr<Socket> connected(int family, const sockaddr* where, socklen_t size,
                                  const Deadline& deadline, const Wait& wait, int& problem) {
  auto socket = std::make_unique<Socket>(family);
  const int fd = socket->fd();
  const int flags = fcntl(fd, F_GETFL);
  fcntl(fd, F_SETFL, flags | O_NONBLOCK);
  problem = fd < 0 ? EMFILE : connect_by(fd, where, size, deadline, wait);
  fcntl(fd, F_SETFL, flags);
  if (problem != 0) socket.reset();
  return socket;
}

// Returns why the server at the other end of a unix socket is not accepted; empty if it is. Any
// user that can write to the directory could have put a socket of his own there.
std::string fault_of_peer(int fd, const Address& address) {
  ucred server{};
  socklen_t size = sizeof server;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &server, &size) != 0) return reason_of(errno);
  if (server.uid == ::geteuid() || server.uid == 0 || server.uid == address.peer_uid) return {};
  return "the server there runs as user " + std::to_string(server.uid) + ", expected " +
         std::to_string(::geteuid()) + " or root; peer_uid accepts another user";
}

Expected<std::unique_ptr<Socket>> dial_unix(const Address& address, const Deadline& deadline,
                                            const Wait& wait) {
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  std::memcpy(where.sun_path, address.path.data(), address.path.size());
  int problem = 0;
  auto socket = connected(AF_UNIX, reinterpret_cast<const sockaddr*>(&where), sizeof where,
                          deadline, wait, problem);
  if (!socket) return unreachable(address, reason_of(problem));
  if (const std::string fault = fault_of_peer(socket->fd(), address); !fault.empty()) {
    return unreachable(address, fault);
  }
  return socket;
}

/// The addresses of one name, tried with overlap ("happy eyeballs"): each has a head start, and the
/// first connection that stands wins.
class Race {
 public:
  explicit Race(std::vector<const addrinfo*> addresses)
      : addresses_(std::move(addresses)), ready_([] { return ::epoll_create1(EPOLL_CLOEXEC); }) {}

  /// @return null on failure; problem() is the last error number then
  std::unique_ptr<Socket> run(const Deadline& deadline, const Wait& wait) {
    while (next_ < addresses_.size() || !running_.empty()) {
      if (next_ < addresses_.size() && (running_.empty() || Clock::now() >= next_start_)) {
        if (auto won = start(*addresses_[next_++])) return won;
        continue;
      }
      Deadline until = deadline;
      if (next_ < addresses_.size() && (!until || next_start_ < *until)) until = next_start_;
      if (!wait(ready_.fd(), POLLIN, until)) return fail_with(ECANCELED);
      if (auto won = finished()) return won;
      if (is_past(deadline)) return fail_with(ETIMEDOUT);
    }
    return nullptr;
  }
  int problem() const { return problem_; }

 private:
  std::unique_ptr<Socket> fail_with(int problem) {
    problem_ = problem;
    return nullptr;
  }
  std::unique_ptr<Socket> start(const addrinfo& address) {
    next_start_ = Clock::now() + kHeadStart;
    auto socket = std::make_unique<Socket>(address.ai_family);
    const int fd = socket->fd();
    if (fd < 0) return fail_with(errno);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    if (::connect(fd, address.ai_addr, address.ai_addrlen) == 0) return won(std::move(socket));
    if (errno != EINPROGRESS && errno != EINTR) return fail_with(errno);
    epoll_event event{.events = EPOLLOUT, .data = {.fd = fd}};
    if (::epoll_ctl(ready_.fd(), EPOLL_CTL_ADD, fd, &event) != 0) return fail_with(errno);
    running_.push_back(std::move(socket));
    return nullptr;
  }
  /// Looks at one attempt that has ended, if any.
  std::unique_ptr<Socket> finished() {
    epoll_event event{};
    if (::epoll_wait(ready_.fd(), &event, 1, 0) <= 0) return nullptr;
    const auto found = std::find_if(running_.begin(), running_.end(),
                                    [&](const auto& each) { return each->fd() == event.data.fd; });
    if (found == running_.end()) return nullptr;
    std::unique_ptr<Socket> socket = std::move(*found);
    running_.erase(found);
    ::epoll_ctl(ready_.fd(), EPOLL_CTL_DEL, event.data.fd, nullptr);
    int problem = 0;
    socklen_t size = sizeof problem;
    getsockopt(event.data.fd, SOL_SOCKET, SO_ERROR, &problem, &size);
    if (problem != 0) return fail_with(problem);
    return won(std::move(socket));
  }
  static std::unique_ptr<Socket> won(std::unique_ptr<Socket> socket) {
    fcntl(socket->fd(), F_SETFL, fcntl(socket->fd(), F_GETFL) & ~O_NONBLOCK);
    return socket;
  }

  std::vector<const addrinfo*> addresses_;
  Socket ready_;  // an epoll descriptor; as a Socket, a forked child closes its copy
  std::vector<std::unique_ptr<Socket>> running_;
  std::size_t next_ = 0;
  Clock::time_point next_start_{};
  int problem_ = EHOSTUNREACH;
};

/// Returns the addresses in the system's order of preference, but the families in turn: if a host
/// cannot be reached over one of them, the other is tried second.
std::vector<const addrinfo*> families_in_turn(const addrinfo* found) {
  std::vector<const addrinfo*> first;
  std::vector<const addrinfo*> others;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    (each->ai_family == found->ai_family ? first : others).push_back(each);
  }
  std::vector<const addrinfo*> all;
  for (std::size_t i = 0; i < std::max(first.size(), others.size()); ++i) {
    if (i < first.size()) all.push_back(first[i]);
    if (i < others.size()) all.push_back(others[i]);
  }
  return all;
}

Expected<std::unique_ptr<Socket>> dial_tcp(const Address& address, const Deadline& deadline,
                                           const Wait& wait, std::chrono::nanoseconds ttl) {
  addrinfo wish{};
  wish.ai_socktype = SOCK_STREAM;
  wish.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int unknown = getaddrinfo(address.host.c_str(), address.port.c_str(), &wish, &found);
  if (unknown != 0) {
    return unreachable(address, "the name \"" + address.host + "\" has no address: " +
                                    (unknown == EAI_SYSTEM ? reason_of(errno)
                                                           : std::string(gai_strerror(unknown))));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> all(found, &freeaddrinfo);
  Race race(families_in_turn(found));
  auto socket = race.run(deadline, wait);
  if (!socket) return unreachable(address, reason_of(race.problem()));
  tune_tcp(socket->fd(), ttl);
  return socket;
}

}  // namespace

Expected<std::unique_ptr<Socket>> Socket::dial(const Address& address, const Deadline& deadline,
                                               const Wait& wait, std::chrono::nanoseconds ttl) {
  return address.kind == Address::Kind::unix_socket ? dial_unix(address, deadline, wait)
                                                    : dial_tcp(address, deadline, wait, ttl);
}

}  // namespace agora::detail
