// SPDX-License-Identifier: MIT

// The rows about latency: a blocking call, and the delivery of an item to a process that waits for
// it.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <signal.h>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <agora/agora.hpp>

#include "client/load/agora_protocol.hpp"
#include "client/load/traffic.hpp"
#include "tests/bench/comparison.hpp"
#include "tests/bench/echo.hpp"
#include "tests/bench/peers.hpp"
#include "tests/bench/protocols.hpp"
#include "tests/bench/rows.hpp"

namespace agora::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kCalls = 10'000;
constexpr int kHandOvers = 2'000;

double microseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
}

/// One blocking C++ client on a Unix socket, compared with a bare epoll echo of the same sizes.
void round_trip_at(Report& report, int cpu, const std::string& what) {
  Agorad server{cpu};
  Echo echo{cpu};
  const manager m("unix:" + server.unix_path, {.shared_memory = false});
  const auto d = m.dict<std::string, std::string>("d");
  const std::string key = load::key_text(1);
  d.insert_or_assign(key, load::value_text(64));
  const int fd = connect_unix(echo.unix_path);
  const load::Shape shape;
  const load::Request request = load::AgoraProtocol{"d"}.piece(shape, 0, 1).front();
  load::exchange(fd, echo_greeting(request.bytes.size(), request.reply_bytes), 0);
  std::vector<char> space(request.reply_bytes);
  const Candidate ours{"agora", [&] {
                         const auto begin = Clock::now();
                         std::string value;
                         for (int i = 0; i < kCalls; ++i) value = d.at(key);
                         return microseconds_since(begin) / kCalls;
                       }};
  const Candidate bare{"bare echo", [&] {
                         const auto begin = Clock::now();
                         for (int i = 0; i < kCalls; ++i) {
                           const std::string& bytes = request.bytes;
                           if (::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0 ||
                               ::recv(fd, space.data(), space.size(), MSG_WAITALL) <= 0) {
                             throw std::runtime_error("the echo closed the connection");
                           }
                         }
                         return microseconds_since(begin) / kCalls;
                       }};
  const Comparison comparison = run_interleaved({ours, bare}, kRounds).front();
  ::close(fd);
  report.add({.row = "round-trip",
              .what = what,
              .peer = comparison.name,
              .unit = "us",
              .ours = comparison.first,
              .theirs = comparison.theirs,
              .measured = comparison.ratio,
              .bound = at_most(1.15)});
}

/// The messages of a waiter and a putter to one server. The item is a time, 16 hexadecimal digits.
struct ItemProtocol {
  std::string wait;
  std::size_t wait_reply_bytes;
  std::size_t behind_item;  ///< bytes behind the item in that reply
  std::string put_before;   ///< the put is put_before, the item, put_after
  std::string put_after;
  std::size_t put_reply_bytes;
  std::string ping;
  std::size_t ping_reply_bytes;
};

const std::string kNoItem(16, '0');

ItemProtocol agora_items() {
  const std::string put = load::agora_call("queue.put", {"q", kNoItem});
  return {load::agora_call("queue.get", {"q"}), 4 + 1 + 16, 0,
          put.substr(0, put.size() - 16),       "",         5,
          load::agora_call("ping", {}),         4 + 5};
}

ItemProtocol redis_items() {
  const std::string put = resp({"LPUSH", "q", kNoItem});
  return {resp({"BLPOP", "q", "0"}),
          4 + 7 + 5 + 16 + 2,
          2,
          put.substr(0, put.size() - 18),
          "\r\n",
          4,
          resp({"PING"}),
          7};
}

/// The waiting process: after each item it reports the latency, and that it waits again.
[[noreturn]] void wait_for_items(int fd, const ItemProtocol& protocol, int said) {
  std::uint64_t taken = 0;
  for (;;) {
    load::exchange(fd, protocol.wait, 0);
    if (::write(said, &taken, sizeof taken) != sizeof taken) ::_exit(0);
    const std::string reply = load::exchange(fd, "", protocol.wait_reply_bytes);
    const auto now = static_cast<std::uint64_t>(Clock::now().time_since_epoch().count());
    const std::string item = reply.substr(reply.size() - protocol.behind_item - 16, 16);
    taken = now - std::strtoull(item.c_str(), nullptr, 16);
  }
}

/// A waiting process and this process, which puts; both on the generator's CPU.
class HandOver {
 public:
  HandOver(const ItemProtocol& protocol, int putter_fd, int waiter_fd)
      : protocol_(protocol), fd_(putter_fd) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    const pid_t parent = ::getpid();
    waiter_ = ::fork();
    if (waiter_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::getppid() != parent) ::_exit(0);
      try {
        wait_for_items(waiter_fd, protocol_, ends[1]);
      } catch (const std::exception&) {
        ::_exit(1);
      }
    }
    ::close(ends[1]), ::close(waiter_fd);
    said_ = ends[0];
    heard();
  }
  ~HandOver() {
    ::kill(waiter_, SIGKILL);
    ::waitpid(waiter_, nullptr, 0);
    ::close(said_), ::close(fd_);
  }
  HandOver(const HandOver&) = delete;
  HandOver& operator=(const HandOver&) = delete;

  /// @return nanoseconds from before the put until the waiter has the item
  std::uint64_t once() {
    // After this reply the server has seen the waiter's call, which was sent before the ping.
    load::exchange(fd_, protocol_.ping, protocol_.ping_reply_bytes);
    char item[17];
    std::snprintf(item, sizeof item, "%016llx",
                  static_cast<unsigned long long>(Clock::now().time_since_epoch().count()));
    load::exchange(fd_, protocol_.put_before + item + protocol_.put_after,
                   protocol_.put_reply_bytes);
    return heard();
  }

 private:
  std::uint64_t heard() {
    std::uint64_t taken = 0;
    if (::read(said_, &taken, sizeof taken) != sizeof taken) {
      throw std::runtime_error("the waiting process ended");
    }
    return taken;
  }

  ItemProtocol protocol_;
  int fd_;
  int said_ = -1;
  pid_t waiter_ = -1;
};

/// A turn returns the median, and appends the 99th percentile to `tails`.
Candidate turns_of(const std::string& name, HandOver& pair, std::vector<double>& tails) {
  return {name, [&pair, &tails] {
            load::Histogram times;
            for (int i = 0; i < kHandOvers; ++i) times.record(pair.once());
            tails.push_back(static_cast<double>(times.quantile(0.99)) / 1e3);
            return static_cast<double>(times.quantile(0.5)) / 1e3;
          }};
}

void hand_over_on(Report& report, bool on_unix) {
  Agorad agorad{server_cpu()};
  Redis redis{server_cpu()};
  const auto dial = [&](const auto& server) {
    return on_unix ? connect_unix(server.unix_path) : connect_tcp(server.port);
  };
  const int fd = dial(agorad);
  load::agora_reply(fd, load::agora_call("object.create", {"queue", "q"}));
  ::close(fd);
  HandOver ours{agora_items(), dial(agorad), dial(agorad)};
  HandOver theirs{redis_items(), dial(redis), dial(redis)};
  std::vector<double> our_tails, their_tails;
  const Comparison middle =
      run_interleaved({turns_of("agora", ours, our_tails), turns_of("Redis", theirs, their_tails)})
          .front();
  std::vector<double> tail_ratios;
  for (std::size_t i = 0; i < our_tails.size(); ++i) {
    tail_ratios.push_back(our_tails[i] / their_tails[i]);
  }
  Result result{
      .row = "hand-over",
      .what = std::string("hand-over to a waiter, ") + (on_unix ? "Unix" : "TCP") + ", p50",
      .peer = "Redis BLPOP/LPUSH",
      .unit = "us",
      .ours = middle.first,
      .theirs = middle.theirs,
      .measured = middle.ratio,
      .bound = at_most(1.2)};
  report.add(result);
  result.what.replace(result.what.size() - 3, 3, "p99");
  result.ours = median(our_tails);
  result.theirs = median(their_tails);
  result.measured = median(tail_ratios);
  report.add(result);
}

}  // namespace

void round_trip(Report& report) {
  round_trip_at(report, server_cpu(), "blocking C++ client, Unix, two CPUs");
  if (client_cpu() >= 0) {
    round_trip_at(report, client_cpu(), "blocking C++ client, Unix, one CPU");
  }
}

void hand_over(Report& report) {
  hand_over_on(report, true);
  hand_over_on(report, false);
}

}  // namespace agora::bench
