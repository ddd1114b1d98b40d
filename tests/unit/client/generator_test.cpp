// SPDX-License-Identifier: MIT

#include "client/load/generator.hpp"

#include <array>
#include <atomic>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "client/load/agora_protocol.hpp"
#include "tests/support/catch.hpp"

using namespace agora::load;

namespace {

/// A server for one connection. It sends `reply` bytes for every `request` bytes that it receives,
/// and counts the requests.
class Counter {
 public:
  Counter(std::size_t request, std::size_t reply) {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    fd_ = ends[0];
    thread_ = std::thread([this, its = ends[1], request, reply] { serve(its, request, reply); });
  }
  ~Counter() {
    ::shutdown(fd_, SHUT_RDWR);
    thread_.join();
    ::close(fd_);
  }
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;
  int fd() const { return fd_; }
  std::uint64_t requests() const { return requests_; }

 private:
  void serve(int fd, std::size_t request, std::size_t reply) {
    std::vector<char> space(4096);
    std::size_t got = 0;
    for (ssize_t n = 0; (n = ::recv(fd, space.data(), space.size(), 0)) > 0;) {
      got += static_cast<std::size_t>(n);
      const std::size_t whole = got / request;
      got %= request;
      requests_ += whole;
      const std::string replies(whole * reply, 'r');
      for (std::size_t sent = 0; sent < replies.size();) {
        const ssize_t m = ::send(fd, replies.data() + sent, replies.size() - sent, MSG_NOSIGNAL);
        if (m <= 0) break;
        sent += static_cast<std::size_t>(m);
      }
    }
    ::close(fd);
  }

  int fd_ = -1;
  std::atomic<std::uint64_t> requests_{0};
  std::thread thread_;
};

/// Makes batches of `calls` requests of 8 bytes, each with a reply of `reply_bytes`.
Traffic traffic_with(std::size_t reply_bytes, std::size_t calls, std::size_t stride) {
  Traffic traffic;
  traffic.calls = calls;
  traffic.stride = stride;
  for (std::size_t i = 0; i < stride; ++i) {
    traffic.batches.push_back({std::string(8 * calls, 'q'), reply_bytes * calls});
  }
  return traffic;
}

}  // namespace

TEST_CASE("load generator: a run makes as many calls as requested, in whole pieces", "[load]") {
  Counter one{8, 3};
  Counter two{8, 3};
  const Traffic traffic = traffic_with(3, 5, 2);
  const std::vector<Line> lines{{one.fd(), &traffic}, {two.fd(), &traffic, 0, 3}};
  Histogram times;
  const Driven driven = drive(lines, {.calls = 1'000}, &times);
  CHECK(driven.calls >= 1'000);
  CHECK(driven.calls < 1'000 + 2 * 2 * 5 + 3 * 5);
  CHECK(driven.calls == one.requests() + two.requests());
  CHECK(driven.calls_of == std::vector<std::uint64_t>{one.requests(), two.requests()});
  CHECK(one.requests() % 10 == 0);
  CHECK(two.requests() % 10 == 0);
  CHECK(times.count() == driven.calls / 5);
  CHECK(driven.seconds > 0);
}

TEST_CASE("load generator: a run by time awaits all replies, so that the next run can start",
          "[load]") {
  Counter server{8, 100'000};
  const Traffic traffic = traffic_with(100'000, 2, 1);
  const std::vector<Line> lines{{server.fd(), &traffic}};
  for (int i = 0; i < 3; ++i) CHECK(drive(lines, {.seconds = 0.01}).calls_of.size() == 1);
  CHECK(drive(lines, {.seconds = 0, .calls_min = 20}).calls >= 20);
}

TEST_CASE("load generator: sends requests larger than a socket's buffers", "[load]") {
  constexpr std::size_t kBytes = std::size_t{4} << 20;
  Counter server{kBytes, 1};
  Traffic traffic;
  traffic.batches.push_back({std::string(kBytes, 'q'), 1});
  const std::vector<Line> lines{{server.fd(), &traffic, 0, 2}};
  CHECK(drive(lines, {.calls = 10}).calls == 10);
  CHECK(server.requests() == 10);
}

TEST_CASE("load generator: a reply that is too long, and a connection that ends, are errors",
          "[load]") {
  Counter server{8, 4};
  const Traffic traffic = traffic_with(3, 1, 1);
  const std::vector<Line> lines{{server.fd(), &traffic}};
  CHECK_THROWS_WITH(drive(lines, {.calls = 10}), "the server sent more than was asked for");
  std::array<int, 2> ends{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
  ::close(ends[1]);
  const std::vector<Line> gone{{ends[0], &traffic}};
  CHECK_THROWS_WITH(drive(gone, {.calls = 10}), "the server closed a connection");
  ::close(ends[0]);
}

TEST_CASE("traffic: keeps pieces whole with any depth of the pipeline", "[load]") {
  const AgoraProtocol protocol;
  for (const std::size_t pipeline : {1, 2, 3, 32}) {
    const Shape shape{.work = Work::queue, .pipeline = pipeline};
    const Traffic traffic = traffic_of(protocol, shape, 7);
    CAPTURE(pipeline);
    CHECK(traffic.calls == pipeline);
    CHECK(traffic.batches.size() % traffic.stride == 0);
    CHECK(traffic.batches.size() * pipeline % 2 == 0);
    std::size_t request_bytes = 0;
    std::size_t reply_bytes = 0;
    for (const RequestBatch& batch : traffic.batches) {
      request_bytes += batch.bytes.size();
      reply_bytes += batch.reply_bytes;
    }
    const std::vector<Request> piece = protocol.piece(shape, 7, 0);
    const std::size_t pieces = traffic.batches.size() * pipeline / 2;
    CHECK(request_bytes == pieces * (piece[0].bytes.size() + piece[1].bytes.size()));
    CHECK(reply_bytes == pieces * (piece[0].reply_bytes + piece[1].reply_bytes));
  }
}

TEST_CASE("traffic: large values make few batches", "[load]") {
  const Shape shape{.work = Work::set, .pipeline = 4, .value_bytes = std::size_t{1} << 20};
  CHECK(traffic_of(AgoraProtocol{}, shape, 0).batches.size() <= 2);
}
