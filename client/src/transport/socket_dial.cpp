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
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/src/transport/socket.hpp"

namespace agora::detail {
namespace {

/// The pause before the next attempt while the listen backlog of a Unix socket is full. No poll
/// event reports that it has room again.
constexpr std::chrono::milliseconds kFullBacklogPause{5};

/// Returns the host as it stands in an address: an IPv6 address in brackets.
std::string bracketed(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

Failure unreachable(const Address& address, const std::string& reason) {
  const std::string where = address.kind == Address::Kind::tcp
                                ? "tcp://" + bracketed(address.host) + ":" + address.port
                                : "unix:" + address.path;
  return fail(Errc::unavailable, "no server at " + where + ": " + reason);
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

// Enables TCP keepalive: a peer that vanished is detected within a minute, even by a call that
// waits for ever.
void tune_tcp(int fd) {
  const int on = 1;
  const int idle_seconds = 30;
  const int interval_seconds = 10;
  const int probes = 3;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_seconds, sizeof idle_seconds);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_seconds, sizeof interval_seconds);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
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

Expected<std::unique_ptr<Socket>> dial_tcp(const Address& address, const Deadline& deadline,
                                           const Wait& wait) {
  addrinfo wish{};
  wish.ai_socktype = SOCK_STREAM;
  wish.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int unknown = getaddrinfo(address.host.c_str(), address.port.c_str(), &wish, &found);
  if (unknown != 0) return unreachable(address, gai_strerror(unknown));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> all(found, &freeaddrinfo);
  int problem = EHOSTUNREACH;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    auto socket =
        connected(each->ai_family, each->ai_addr, each->ai_addrlen, deadline, wait, problem);
    if (!socket) continue;
    tune_tcp(socket->fd());
    return socket;
  }
  return unreachable(address, reason_of(problem));
}

}  // namespace

Expected<std::unique_ptr<Socket>> Socket::dial(const Address& address, const Deadline& deadline,
                                               const Wait& wait) {
  return address.kind == Address::Kind::tcp ? dial_tcp(address, deadline, wait)
                                            : dial_unix(address, deadline, wait);
}

}  // namespace agora::detail
