// SPDX-License-Identifier: MIT

#include "tests/bench/echo.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <vector>

namespace agora::bench {
namespace {

using Sizes = std::array<std::uint64_t, 2>;

/// One connection: the bytes received of a request, and the bytes of replies still to be sent.
struct Peer {
  Sizes sizes{};
  std::size_t greeted = 0;
  std::size_t received = 0;
  std::size_t owed = 0;
};

class EchoServer {
 public:
  explicit EchoServer(const std::string& unix_path) : peers_(65'536) {
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    sockaddr_un path{};
    path.sun_family = AF_UNIX;
    unix_path.copy(path.sun_path, sizeof path.sun_path - 1);
    unix_ = listen_at(AF_UNIX, reinterpret_cast<sockaddr*>(&path), sizeof path);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    tcp_ = listen_at(AF_INET, reinterpret_cast<sockaddr*>(&address), sizeof address);
  }

  [[noreturn]] void run() {
    sockaddr_in address{};
    socklen_t length = sizeof address;
    ::getsockname(tcp_, reinterpret_cast<sockaddr*>(&address), &length);
    std::printf("ready %d\n", ntohs(address.sin_port));
    std::fflush(stdout);
    std::array<epoll_event, 64> events;
    for (;;) {
      const int ready = ::epoll_wait(epoll_, events.data(), events.size(), -1);
      for (int e = 0; e < ready; ++e) {
        const int fd = events[static_cast<std::size_t>(e)].data.fd;
        fd == unix_ || fd == tcp_ ? accept_one(fd) : serve(fd);
      }
    }
  }

 private:
  int listen_at(int family, const sockaddr* address, socklen_t length) {
    const int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::bind(fd, address, length) != 0 || ::listen(fd, 1024) != 0) ::_exit(1);
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    return fd;
  }

  void accept_one(int listener) {
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0 || static_cast<std::size_t>(fd) >= peers_.size()) ::_exit(1);
    const int on = 1;
    if (listener == tcp_) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    peers_[static_cast<std::size_t>(fd)] = {};
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }

  void serve(int fd) {
    Peer& peer = peers_[static_cast<std::size_t>(fd)];
    if (peer.greeted < sizeof peer.sizes) {
      const ssize_t n = ::recv(fd, reinterpret_cast<char*>(peer.sizes.data()) + peer.greeted,
                               sizeof peer.sizes - peer.greeted, MSG_DONTWAIT);
      if (n <= 0) static_cast<void>(::close(fd));
      peer.greeted += static_cast<std::size_t>(std::max<ssize_t>(n, 0));
      return;
    }
    // Back-pressure: replies are sent first, so a peer that does not read is not read from.
    if (peer.owed == 0) {
      const ssize_t n = ::recv(fd, space_.data(), space_.size(), MSG_DONTWAIT);
      if (n == 0) return static_cast<void>(::close(fd));
      peer.received += static_cast<std::size_t>(std::max<ssize_t>(n, 0));
      peer.owed = peer.received / peer.sizes[0] * peer.sizes[1];
      peer.received %= peer.sizes[0];
      pay(fd, peer);
      if (peer.owed > 0) watch(fd, EPOLLOUT);
    } else {
      pay(fd, peer);
      if (peer.owed == 0) watch(fd, EPOLLIN);
    }
  }

  void pay(int fd, Peer& peer) {
    while (peer.owed > 0) {
      const ssize_t n = ::send(fd, space_.data(), std::min(peer.owed, space_.size()),
                               MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n <= 0) return;
      peer.owed -= static_cast<std::size_t>(n);
    }
  }

  void watch(int fd, std::uint32_t what) {
    epoll_event event{.events = what, .data = {.fd = fd}};
    ::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event);
  }

  int epoll_ = -1;
  int unix_ = -1;
  int tcp_ = -1;
  std::vector<Peer> peers_;
  std::vector<char> space_ = std::vector<char>(std::size_t{256} << 10);
};

}  // namespace

std::string echo_greeting(std::size_t request_bytes, std::size_t reply_bytes) {
  const Sizes sizes{request_bytes, reply_bytes};
  std::string bytes(sizeof sizes, '\0');
  std::memcpy(bytes.data(), sizes.data(), sizeof sizes);
  return bytes;
}

void serve_echo(const std::string& unix_path) { EchoServer{unix_path}.run(); }

}  // namespace agora::bench
