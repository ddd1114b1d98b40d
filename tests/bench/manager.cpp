// SPDX-License-Identifier: MIT

#include "tests/bench/manager.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include "client/load/agora_protocol.hpp"
#include "client/load/traffic.hpp"
#include "server/core/machine/machine.hpp"
#include "server/objects/types.hpp"
#include "server/storage/heap_extents.hpp"
#include "shared/value/codec.hpp"
#include "tests/bench/peers.hpp"

namespace agora::bench {
namespace {

using load::key_text;
using load::value_text;
using Clock = std::chrono::steady_clock;
constexpr int kRounds = 7;

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double microseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
}

/// A Machine with many links.
class Core {
 public:
  Core() : machine_(all_types(), extents_, {}) { link(1); }

  void link(std::uint64_t id) {
    batch_.clear();
    Command& command = batch_.commands.emplace_back();
    command.kind = Command::Kind::link_opened;
    command.link = LinkId{id};
    batch_.peers.emplace_back();
    apply();
  }
  void close(std::uint64_t id) {
    batch_.clear();
    add_close(id);
    apply();
  }
  /// Closes many links in one batch. @return microseconds
  double close_all(std::uint64_t first, std::uint64_t last) {
    batch_.clear();
    for (std::uint64_t id = first; id <= last; ++id) add_close(id);
    const auto begin = Clock::now();
    apply();
    return microseconds_since(begin);
  }
  /// @return microseconds in the Machine
  template <typename... Args>
  double call(std::uint64_t link, std::string_view method, const Args&... arguments) {
    batch_.clear();
    (add(pack(arguments)), ...);
    Command& command = batch_.commands.emplace_back();
    command.kind = Command::Kind::call;
    command.link = LinkId{link};
    command.method = *machine_.catalogue().find(method);
    command.count = static_cast<std::uint32_t>(sizeof...(arguments));
    const auto begin = Clock::now();
    apply();
    return microseconds_since(begin);
  }
  /// Returns the link of the last reply.
  std::uint64_t last_replied() const { return effects_.list.front().link.number; }

 private:
  void add(const Packed& value) {
    batch_.arguments.push_back({batch_.bytes.size(), value.bytes().size()});
    batch_.bytes += value.bytes();
  }
  void add_close(std::uint64_t id) {
    Command& command = batch_.commands.emplace_back();
    command.kind = Command::Kind::link_closed;
    command.link = LinkId{id};
  }
  void apply() {
    effects_.clear();
    machine_.apply(batch_, effects_);
  }

  HeapExtents extents_;
  Machine machine_;
  Batch batch_;
  Effects effects_;
};

/// Returns the microseconds of one release that grants the lock to the next of `waiters` waiters.
double hand_off_with(std::uint64_t waiters) {
  constexpr int kReleases = 20'000;
  Core core;
  core.call(1, "object.create", "lock", "l");
  for (std::uint64_t id = 2; id <= waiters + 2; ++id) {
    core.link(id);
    core.call(id, "lock.acquire", "l");
  }
  std::uint64_t holder = 2;
  double total = 0;
  for (int i = 0; i < kReleases; ++i) {
    total += core.call(holder, "lock.release", "l");
    const std::uint64_t next = core.last_replied();
    core.call(holder, "lock.acquire", "l");
    holder = next;
  }
  return total / kReleases;
}

/// Returns the microseconds to end `sessions` sessions, each with a lock and a waiter on the lock
/// of the next session.
double sweep_of(std::uint64_t sessions) {
  Core core;
  for (std::uint64_t i = 0; i < sessions; ++i) {
    core.link(i + 2);
    const std::string name = "l" + std::to_string(i);
    core.call(1, "object.create", "lock", name);
    core.call(i + 2, "lock.acquire", name);
  }
  for (std::uint64_t i = 0; i + 1 < sessions; ++i) {
    core.call(i + 2, "lock.acquire", "l" + std::to_string(i + 1));
  }
  return core.close_all(2, sessions + 1);
}

/// Returns the microseconds of a put and a get in a queue of `items` items.
double put_get_beside(std::uint64_t items) {
  constexpr int kCalls = 100'000;
  Core core;
  core.call(1, "object.create", "queue", "q");
  const std::string item = value_text(64);
  for (std::uint64_t i = 0; i < items; ++i) core.call(1, "queue.put", "q", item);
  double total = 0;
  for (int i = 0; i < kCalls; ++i) {
    total += core.call(1, "queue.put", "q", item);
    total += core.call(1, "queue.get", "q");
  }
  return total / kCalls;
}

double list_ends_beside(std::uint64_t elements) {
  constexpr int kCalls = 100'000;
  Core core;
  core.call(1, "object.create", "list", "l");
  for (std::uint64_t i = 0; i < elements; ++i) core.call(1, "list.append", "l", i);
  double total = 0;
  for (int i = 0; i < kCalls; ++i) {
    total += core.call(1, "list.append", "l", i);
    total += core.call(1, "list.pop", "l", 0);
  }
  return total / kCalls;
}

/// Compares `many` with `few`, interleaved.
void compare(const char* name, const char* what, double wanted, const std::function<double()>& many,
             const std::function<double()>& few, const char* many_label, const char* few_label) {
  std::vector<double> a, b, ratios;
  for (int round = 0; round < kRounds; ++round) {
    a.push_back(many());
    b.push_back(few());
    ratios.push_back(a.back() / b.back());
  }
  std::printf("%-12s %s: %s %.2f us, %s %.2f us, ratio %.2f (at most %.2f)\n", name, what,
              many_label, median(a), few_label, median(b), median(ratios), wanted);
}

// ---- an opened session compared with a plain connection -----------------------------------------

void put_call(std::string& out, std::string_view method, std::vector<std::string> params) {
  Writer writer{out};
  writer.list(4);
  writer.integer(0);
  out += '\xce';  // a msgid of five bytes, written before each send
  out.append(4, '\0');
  writer.text(method);
  writer.list(static_cast<std::uint32_t>(params.size()));
  for (const std::string& param : params) writer.text(param);
}

/// 32 calls, every other one a write, sent repeatedly with increasing numbers.
class Stream {
 public:
  Stream(int fd, bool opened) : fd_(fd), opened_(opened) {
    if (opened_) {
      std::string open;
      Writer writer{open};
      writer.list(4), writer.integer(0), writer.integer(0), writer.text("session.open");
      writer.list(0);
      ask(open);
      Writer ack{batch_};
      ack.list(3), ack.integer(2), ack.text("session.acknowledge"), ack.list(1);
      batch_ += '\xce';
      batch_.append(4, '\0');
    }
    for (std::uint64_t i = 0; i < kCalls; ++i) {
      id_offsets_.push_back(batch_.size() + 3);
      const std::string key = key_text(i);
      i % 2 == 0 ? put_call(batch_, "dict.get", {"d-dict", key})
                 : put_call(batch_, "dict.set", {"d-dict", key, value_text(64)});
    }
  }
  /// @return calls per second
  double run(double seconds) {
    const auto begin = Clock::now();
    std::uint64_t calls = 0;
    while (microseconds_since(begin) < seconds * 1e6) {
      if (opened_) write_number(batch_.find('\xce') + 1, next_ - 1);
      for (const std::size_t offset : id_offsets_) write_number(offset, next_++);
      send_all(batch_);
      receive();
      calls += kCalls;
    }
    return static_cast<double>(calls) / microseconds_since(begin) * 1e6;
  }

 private:
  static constexpr std::uint64_t kCalls = 32;
  static constexpr std::uint64_t kFirst = 1U << 16;  // the msgid of a reply then takes five bytes

  void write_number(std::size_t offset, std::uint64_t number) {
    for (int i = 0; i < 4; ++i) {
      batch_[offset + static_cast<std::size_t>(i)] = static_cast<char>(number >> (24 - 8 * i));
    }
  }
  void send_all(const std::string& bytes) {
    for (std::size_t sent = 0; sent < bytes.size();) {
      const ssize_t n = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) throw std::runtime_error("the server closed the connection");
      sent += static_cast<std::size_t>(n);
    }
  }
  void ask(const std::string& call) {
    send_all(call);
    std::vector<char> space(4096);
    if (::recv(fd_, space.data(), space.size(), 0) <= 0) throw std::runtime_error("no reply");
  }
  void receive() {
    // The reply to a get is [1, id, nil, 64 bytes], to a set [1, id, nil, nil].
    const std::size_t wanted = kCalls / 2 * (8 + 66) + kCalls / 2 * (8 + 1);
    std::vector<char> space(wanted);
    for (std::size_t got = 0; got < wanted;) {
      const ssize_t n = ::recv(fd_, space.data(), wanted - got, 0);
      if (n <= 0) throw std::runtime_error("the server closed the connection");
      got += static_cast<std::size_t>(n);
    }
  }

  int fd_;
  bool opened_;
  std::string batch_;
  std::vector<std::size_t> id_offsets_;
  std::uint64_t next_ = kFirst;
};

}  // namespace

void hand_off() {
  compare(
      "hand-off", "release of a lock", 1.5, [] { return hand_off_with(10'000); },
      [] { return hand_off_with(10); }, "10,000 waiters", "10");
}

void sweep() {
  std::vector<double> small, large;
  for (int round = 0; round < 3; ++round) {
    small.push_back(sweep_of(10'000));
    large.push_back(sweep_of(100'000));
  }
  std::printf(
      "sweep        100,000 sessions with a lock and a waiter each: %.0f ms, 10,000: "
      "%.1f ms, ratio %.1f (linear: 10)\n",
      median(large) / 1e3, median(small) / 1e3, median(large) / median(small));
}

void long_queue() {
  compare(
      "long-queue", "put and get", 1.3, [] { return put_get_beside(1'000'000); },
      [] { return put_get_beside(1'000); }, "1 M items", "1,000");
}

void long_list() {
  compare(
      "long-list", "append and pop(0)", 1.3, [] { return list_ends_beside(1'000'000); },
      [] { return list_ends_beside(1'000); }, "1 M elements", "1,000");
}

void opened_session() {
  if (cpu_count() > 1) pin_to(1);
  Agorad server{cpu_count() > 1 ? 0 : -1};
  const int fill_fd = connect_tcp(server.port);
  load::AgoraProtocol{"d"}.prepare(fill_fd, {.keys = 1'000});
  ::close(fill_fd);
  const int plain_fd = connect_unix(server.unix_path);
  const int opened_fd = connect_unix(server.unix_path);
  Stream plain{plain_fd, false};
  Stream opened{opened_fd, true};
  std::vector<double> a, b, ratios;
  for (int round = 0; round < kRounds; ++round) {
    a.push_back(opened.run(0.5));
    b.push_back(plain.run(0.5));
    ratios.push_back(a.back() / b.back());
  }
  std::printf(
      "opened       32 pipelined calls, half of them changes: opened session %.0f k/s, "
      "plain %.0f k/s, ratio %.2f (at least 0.90)\n",
      median(a) / 1e3, median(b) / 1e3, median(ratios));
  ::close(plain_fd), ::close(opened_fd);
}

}  // namespace agora::bench
