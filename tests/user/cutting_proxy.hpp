// SPDX-License-Identifier: MIT

// A proxy in front of a server: forwards connections, and cuts them.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <random>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "tests/user/check.hpp"

namespace user {

class CuttingProxy {
 public:
  /// @param target  the server's address, "unix:/path" or "tcp://127.0.0.1:port"; the proxy's own
  ///                is of the same kind
  /// @param bytes_max  each connection is cut after 1 to this many bytes, in either direction; 0:
  /// never
  explicit CuttingProxy(std::string_view target, std::uint32_t bytes_max = 0,
                        std::uint32_t seed = 1)
      : tcp_(target.starts_with("tcp:")),
        target_(target.substr(tcp_ ? target.rfind(':') + 1 : 5)),
        bytes_max_(bytes_max),
        chance_(seed) {
    char folder[] = "/tmp/agora-cut-XXXXXX";
    USER_CHECK(mkdtemp(folder) != nullptr);
    folder_ = folder;
    listener_ = socket(tcp_ ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const Place place(tcp_, tcp_ ? "0" : folder_ + "/s");
    USER_CHECK(bind(listener_, place.address(), place.size()) == 0);
    USER_CHECK(listen(listener_, 100) == 0 && pipe(wake_) == 0);
    thread_ = std::thread([this] { forward(); });
  }
  ~CuttingProxy() {
    stop_ = true;
    wake();
    thread_.join();
    cut_all();
    for (const int fd : {listener_, wake_[0], wake_[1]}) close(fd);
    unlink((folder_ + "/s").c_str());
    rmdir(folder_.c_str());
  }
  CuttingProxy(const CuttingProxy&) = delete;
  CuttingProxy& operator=(const CuttingProxy&) = delete;

  std::string address() const {
    if (!tcp_) return "unix:" + folder_ + "/s";
    sockaddr_in where{};
    socklen_t size = sizeof where;
    USER_CHECK(getsockname(listener_, reinterpret_cast<sockaddr*>(&where), &size) == 0);
    return "tcp://127.0.0.1:" + std::to_string(ntohs(where.sin_port));
  }
  /// Cuts all connections; new connections go through again.
  void cut() {
    cut_ = true;
    wake();
  }
  /// Cuts all connections, and lets none through until open().
  void shut() {
    shut_ = true;
    wake();
  }
  void open() {
    shut_ = false;
    wake();
  }
  /// Lets at most 64 KiB through in this time, in both directions together.
  void slow_down(std::chrono::milliseconds pause) { pause_ = pause; }
  /// Ends the random cuts.
  void mend() { bytes_max_ = 0; }
  int connections() const { return connections_.load(); }

 private:
  struct Way {
    int other = -1;
    std::uint32_t left = 0;  // bytes until the cut; 0: no cut
  };

  /// A path, or a port of loopback.
  struct Place {
    Place(bool is_tcp, const std::string& path_or_port) : tcp(is_tcp) {
      if (tcp) {
        in.sin_family = AF_INET;
        in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        in.sin_port = htons(static_cast<std::uint16_t>(std::stoi(path_or_port)));
      } else {
        un.sun_family = AF_UNIX;
        path_or_port.copy(un.sun_path, sizeof un.sun_path - 1);
      }
    }
    const sockaddr* address() const {
      return tcp ? reinterpret_cast<const sockaddr*>(&in) : reinterpret_cast<const sockaddr*>(&un);
    }
    socklen_t size() const { return tcp ? sizeof in : sizeof un; }

    bool tcp;
    sockaddr_in in{};
    sockaddr_un un{};
  };
  void wake() { USER_CHECK(write(wake_[1], "w", 1) == 1); }

  void forward() {
    while (!stop_) {
      std::vector<pollfd> wanted{{wake_[0], POLLIN, 0}, {shut_ ? -1 : listener_, POLLIN, 0}};
      for (const auto& [fd, way] : ways_) wanted.push_back({fd, POLLIN, 0});
      if (poll(wanted.data(), wanted.size(), -1) < 0) continue;
      char bytes[256];
      if (wanted[0].revents != 0) USER_CHECK(read(wake_[0], bytes, sizeof bytes) > 0);
      if (cut_.exchange(false) || shut_) {
        cut_all();
        continue;
      }
      if (wanted[1].revents != 0) accept_one();
      for (std::size_t i = 2; i < wanted.size(); ++i) {
        if (wanted[i].revents != 0 && ways_.contains(wanted[i].fd)) pass(wanted[i].fd);
      }
    }
  }

  void accept_one() {
    const int from = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    const int to = socket(tcp_ ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const Place place(tcp_, target_);
    if (connect(to, place.address(), place.size()) != 0) {
      close(from);
      close(to);
      return;
    }
    const int on = 1;
    for (const int each : {from, to}) {
      if (tcp_) setsockopt(each, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    ++connections_;
    ways_[from] = {to, chance()};
    ways_[to] = {from, chance()};
  }

  std::uint32_t chance() {
    const std::uint32_t most = bytes_max_;
    return most == 0 ? 0 : 1 + static_cast<std::uint32_t>(chance_() % most);
  }

  void pass(int fd) {
    Way& way = ways_.at(fd);
    char bytes[65536];
    const std::size_t most = way.left == 0 ? sizeof bytes : way.left;
    const ssize_t got = recv(fd, bytes, std::min(most, sizeof bytes), 0);
    if (got <= 0) return cut_one(fd);
    const auto share = pause_.load() * got / static_cast<ssize_t>(sizeof bytes);
    ::poll(nullptr, 0, static_cast<int>(share.count()));
    std::string_view rest(bytes, static_cast<std::size_t>(got));
    while (!rest.empty()) {
      const ssize_t sent = send(way.other, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (sent <= 0) return cut_one(fd);
      rest.remove_prefix(static_cast<std::size_t>(sent));
    }
    if (way.left == 0) return;
    way.left -= static_cast<std::uint32_t>(got);
    if (way.left == 0) cut_one(fd);
  }

  void cut_one(int fd) {
    const int other = ways_.at(fd).other;
    for (const int each : {fd, other}) {
      close(each);
      ways_.erase(each);
    }
  }
  void cut_all() {
    while (!ways_.empty()) cut_one(ways_.begin()->first);
  }

  const bool tcp_;
  const std::string target_;  // a path, or a port
  std::atomic<std::uint32_t> bytes_max_;
  std::minstd_rand chance_;
  std::string folder_;
  int listener_ = -1;
  int wake_[2] = {-1, -1};
  std::map<int, Way> ways_;
  std::atomic<std::chrono::milliseconds> pause_{};
  std::atomic<bool> stop_{false};
  std::atomic<bool> cut_{false};
  std::atomic<bool> shut_{false};
  std::atomic<int> connections_{0};
  std::thread thread_;
};

}  // namespace user
