// SPDX-License-Identifier: MIT

// Linearizability: histories of one number and of one key, by sessions in shared memory, over the
// Unix socket and over TCP at once. There is an order of all operations that explains every result
// and keeps the real-time order.
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include <agora/agora.hpp>

#include "tests/user/own_server.hpp"
#include "tests/user/shared_world.hpp"

namespace {

constexpr std::size_t kThreads = 4;

using State = std::optional<std::int64_t>;  ///< nullopt: there is no such key

enum class Kind : std::uint8_t { read, write, erase, add, exchange };

struct Operation {
  Kind kind = Kind::read;
  std::int64_t argument = 0;  ///< written or added; exchange expects it and writes it + 1
  State result;               ///< read: the value; add: the sum; exchange and erase: 1 or 0
  std::int64_t began = 0;     ///< nanoseconds
  std::int64_t ended = 0;
};
using History = std::array<std::vector<Operation>, kThreads>;

/// Applies an operation to the state. Returns false if the state does not explain its result.
bool apply(const Operation& operation, State& state) {
  switch (operation.kind) {
    case Kind::read:
      return operation.result == state;
    case Kind::write:
      state = operation.argument;
      return true;
    case Kind::erase: {
      const bool was = state.has_value();
      state.reset();
      return operation.result == State(was ? 1 : 0);
    }
    case Kind::add:
      state = state.value_or(0) + operation.argument;
      return operation.result == state;
    case Kind::exchange: {
      const bool same = state == State(operation.argument);
      if (same) state = operation.argument + 1;
      return operation.result == State(same ? 1 : 0);
    }
  }
  return false;
}

/// Wing and Gong's search with Lowe's memoization of visited configurations. A configuration is the
/// position of each thread and the state, as each thread runs its operations in sequence.
bool linearizable(const History& history, State first) {
  struct Point {
    std::array<std::size_t, kThreads> at{};
    State state;
    auto operator<=>(const Point&) const = default;
  };
  std::vector<Point> open{{{}, first}};
  std::set<Point> seen;
  while (!open.empty()) {
    const Point point = open.back();
    open.pop_back();
    if (!seen.insert(point).second) continue;
    std::int64_t first_end = INT64_MAX;
    for (std::size_t t = 0; t < kThreads; ++t) {
      if (point.at[t] < history[t].size())
        first_end = std::min(first_end, history[t][point.at[t]].ended);
    }
    if (first_end == INT64_MAX) return true;
    for (std::size_t t = 0; t < kThreads; ++t) {
      if (point.at[t] == history[t].size()) continue;
      const Operation& operation = history[t][point.at[t]];
      Point next = point;
      ++next.at[t];
      if (operation.began <= first_end && apply(operation, next.state)) open.push_back(next);
    }
  }
  return false;
}

/// The checker finds a stale read, a lost update, and a write that was read too early.
void check_the_checker() {
  const auto read = [](std::int64_t value, std::int64_t began) {
    return Operation{Kind::read, 0, value, began, began + 1};
  };
  const Operation write{Kind::write, 1, {}, 10, 20};
  const Operation add{Kind::add, 1, 1, 10, 20};
  USER_CHECK(linearizable({{{write}, {read(0, 5), read(0, 12), read(1, 14), read(1, 25)}}}, 0));
  USER_CHECK(!linearizable({{{write}, {read(0, 25)}}}, 0));
  USER_CHECK(!linearizable({{{write}, {read(1, 12), read(0, 14)}}}, 0));
  USER_CHECK(!linearizable({{{write}, {read(1, 5)}}}, 0));
  USER_CHECK(!linearizable({{{add}, {add}}}, 0));
}

std::int64_t now() {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Runs an operation and records its result and times.
using Do = std::function<void(const agora::manager&, Operation&)>;

/// The remote threads set the duration; local threads do as much as fits, up to a bound.
History record(const std::array<agora::manager, kThreads>& managers, std::uint32_t seed,
               const std::function<Do(const agora::manager&)>& object,
               const std::vector<Kind>& kinds) {
  constexpr std::size_t kRemote = 40;
  constexpr std::size_t kLocal = 4000;
  History history;
  std::atomic<std::size_t> ready{0};
  std::atomic<std::size_t> remote{2};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::minstd_rand chance(seed + static_cast<std::uint32_t>(t));
      const bool local = t < 2;
      const Do what = object(managers[t]);
      Operation warm;
      what(managers[t], warm);
      ++ready;
      while (ready < kThreads) std::this_thread::yield();
      for (std::size_t i = 0; local ? i < kLocal && remote > 0 : i < kRemote; ++i) {
        Operation one;
        one.kind = kinds[chance() % kinds.size()];
        // Values identify their writer; the expected value is often there.
        one.argument = one.kind == Kind::add ? 1 : static_cast<std::int64_t>(chance() % 8);
        if (one.kind == Kind::write)
          one.argument = static_cast<std::int64_t>(t * 1'000'000 + i * 100);
        one.began = now();
        what(managers[t], one);
        one.ended = now();
        history[t].push_back(one);
        if (local && i % 64 == 63) std::this_thread::yield();
      }
      if (!local) --remote;
    });
  }
  for (auto& thread : threads) thread.join();
  return history;
}

Do number(const agora::manager& m) {
  return [v = m.value<std::int64_t>("number")](const auto&, Operation& one) {
    switch (one.kind) {
      case Kind::read:
        one.result = v.load();
        break;
      case Kind::write:
        v.store(one.argument);
        break;
      case Kind::add:
        one.result = v += one.argument;
        break;
      default: {
        std::int64_t expected = one.argument;
        one.result = v.compare_exchange_strong(expected, one.argument + 1) ? 1 : 0;
      }
    }
  };
}

Do key(const agora::manager& m) {
  return [d = m.dict<std::string, std::int64_t>("dict")](const auto&, Operation& one) {
    switch (one.kind) {
      case Kind::read:
        one.result = d.find("key");
        break;
      case Kind::write:
        d.insert_or_assign("key", one.argument);
        break;
      case Kind::erase:
        one.result = static_cast<std::int64_t>(d.erase("key"));
        break;
      case Kind::add:
        one.result = d.add("key", one.argument);
        break;
      case Kind::exchange:
        one.result = d.compare_and_set("key", one.argument, one.argument + 1) ? 1 : 0;
    }
  };
}

}  // namespace

int main() {
  return user::run([] {
    check_the_checker();
    const std::uint32_t seed = user::seed();
    const user::OwnServer server;
    const std::array managers{agora::manager(server.unix_address()),
                              agora::manager(server.unix_address()),
                              agora::manager(server.unix_address(), {.shared_memory = false}),
                              agora::manager(server.tcp_address())};
    USER_CHECK(managers[0].transport() == "shared memory");
    USER_CHECK(managers[2].transport() == "unix" && managers[3].transport() == "tcp");
    const auto v = managers[0].value<std::int64_t>("number");
    const auto d = managers[0].dict<std::string, std::int64_t>("dict");
    for (std::uint32_t round = 0; round < 30; ++round) {
      v.store(0);
      USER_CHECK(
          linearizable(record(managers, seed + round * 10, number,
                              {Kind::read, Kind::read, Kind::write, Kind::add, Kind::exchange}),
                       0));
      d.erase("key");
      USER_CHECK(linearizable(record(managers, seed + round * 10 + 5, key,
                                     {Kind::read, Kind::read, Kind::read, Kind::write, Kind::erase,
                                      Kind::add, Kind::exchange}),
                              {}));
    }
  });
}
