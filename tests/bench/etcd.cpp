// SPDX-License-Identifier: MIT

// Locks in etcd, through its JSON gateway: a transaction that creates a key if it does not exist,
// and its removal. Replies differ in length, so this row has a loop of its own; at etcd's rate its
// cost does not affect the result.

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/load/agora_protocol.hpp"
#include "tests/bench/comparison.hpp"
#include "tests/bench/peers.hpp"
#include "tests/bench/rows.hpp"

namespace agora::bench {
namespace {

constexpr std::size_t kConnections = 50;
constexpr double kSeconds = 0.35;

std::string post(const std::string& path, const std::string& body) {
  return "POST " + path +
         " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

/// Four letters are three bytes in base64, so any four letters are a key.
std::string key_of(std::size_t connection) {
  std::string key = "aaaa";
  for (std::size_t i = 4; i-- > 0; connection /= 26) {
    key[i] = static_cast<char>('a' + connection % 26);
  }
  return key;
}

std::array<std::string, 2> lock_and_unlock(std::size_t connection) {
  const std::string key = "\"key\":\"" + key_of(connection) + "\"";
  return {post("/v3/kv/txn", "{\"compare\":[{" + key +
                                 ",\"target\":\"CREATE\",\"result\":\"EQUAL\","
                                 "\"create_revision\":\"0\"}],\"success\":[{\"request_put\":{" +
                                 key + ",\"value\":\"bWlu\"}}]}"),
          post("/v3/kv/deleterange", "{" + key + "}")};
}

/// Returns the size of the reply at the start of `text`; 0 if it is incomplete.
std::size_t reply_bytes(const std::string& text) {
  const std::size_t body = text.find("\r\n\r\n");
  if (body == std::string::npos) return 0;
  if (!text.starts_with("HTTP/1.1 200")) throw std::runtime_error("etcd refused: " + text);
  const std::string word = "Content-Length: ";
  const std::size_t offset = text.find(word);
  if (offset == std::string::npos || offset > body) throw std::runtime_error("etcd sent no length");
  std::size_t length = 0;
  std::from_chars(text.data() + offset + word.size(), text.data() + body, length);
  return text.size() >= body + 4 + length ? body + 4 + length : 0;
}

/// Connections that lock and unlock a key of their own each.
class EtcdSide {
 public:
  explicit EtcdSide(int port) : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    for (std::size_t i = 0; i < kConnections; ++i) {
      lines_.push_back({connect_tcp(port), lock_and_unlock(i), 0, {}});
      epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
      ::epoll_ctl(epoll_, EPOLL_CTL_ADD, lines_[i].fd, &event);
    }
  }
  ~EtcdSide() {
    for (const Line& line : lines_) ::close(line.fd);
    ::close(epoll_);
  }
  EtcdSide(const EtcdSide&) = delete;
  EtcdSide& operator=(const EtcdSide&) = delete;

  double run(double seconds) {
    const auto begin = std::chrono::steady_clock::now();
    const auto taken = [&] {
      return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    };
    double over_at = 0;
    std::uint64_t calls = 0;
    std::size_t busy = lines_.size();
    for (Line& line : lines_) say(line);
    while (busy > 0) {
      epoll_event event{};
      if (::epoll_wait(epoll_, &event, 1, 30'000) != 1) throw std::runtime_error("etcd is silent");
      Line& line = lines_[event.data.u64];
      if (!heard(line)) continue;
      if (over_at == 0) {
        ++calls;
        if (taken() >= seconds) over_at = taken();
      }
      line.next ^= 1U;
      over_at != 0 && line.next == 0 ? static_cast<void>(--busy) : say(line);
    }
    return static_cast<double>(calls) / over_at;
  }

 private:
  struct Line {
    int fd;
    std::array<std::string, 2> requests;
    std::size_t next;
    std::string got;
  };
  static void say(const Line& line) { load::exchange(line.fd, line.requests[line.next], 0); }
  static bool heard(Line& line) {
    std::array<char, 4096> space;
    const ssize_t n = ::recv(line.fd, space.data(), space.size(), 0);
    if (n <= 0) throw std::runtime_error("etcd closed a connection");
    line.got.append(space.data(), static_cast<std::size_t>(n));
    const std::size_t whole = reply_bytes(line.got);
    if (whole == 0) return false;
    if (line.next == 0 && line.got.find("\"succeeded\":true") == std::string::npos) {
      throw std::runtime_error("etcd did not give a lock");
    }
    line.got.erase(0, whole);
    return true;
  }

  int epoll_;
  std::vector<Line> lines_;
};

}  // namespace

void etcd_locks(Report& report) {
  const std::string what = "lock+unlock, 50 TCP, pipeline 1";
  if (!is_installed("etcd")) {
    report.skip("etcd-lock", what + ", beside etcd", "etcd is not installed");
    return;
  }
  Agorad agorad{server_cpu()};
  Etcd etcd{server_cpu()};
  const load::Shape shape{.work = load::Work::lock, .connections = kConnections};
  Side ours{std::make_unique<load::AgoraProtocol>(), shape,
            [&] { return connect_tcp(agorad.port); }};
  EtcdSide theirs{etcd.port};
  const Comparison comparison = run_interleaved({{"agora", [&] { return ours.run(kSeconds); }},
                                                 {"etcd", [&] { return theirs.run(kSeconds); }}})
                                    .front();
  report.add({.row = "etcd-lock",
              .what = what,
              .peer = comparison.name,
              .unit = "k/s",
              .ours = comparison.first / 1e3,
              .theirs = comparison.theirs / 1e3,
              .measured = comparison.ratio,
              .note = "etcd writes each to disk"});
}

}  // namespace agora::bench
