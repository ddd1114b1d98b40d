// SPDX-License-Identifier: MIT

// The order of operations in memory and of calls: no observer can tell them apart. Writes of one
// session, watches, guards, deadlocks and the FIFO of a lock.
#include <array>
#include <atomic>
#include <cstdint>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <agora/agora.hpp>

#include "tests/user/own_server.hpp"
#include "tests/user/shared_world.hpp"

using namespace std::chrono_literals;

namespace {

constexpr auto kIgnore = [](std::exception_ptr error, auto&&...) { USER_CHECK(!error); };

/// Each owner of the lock sees all asynchronous calls that the owner before started.
void async_then_unlock(const agora::manager& m) {
  constexpr std::uint64_t kLaps = 400;
  const auto lock = m.lock("order");
  const auto d = m.dict<std::string, std::uint64_t>("d", {{"n", 0}});
  const auto l = m.list<std::uint64_t>("l");
  const auto q = m.queue<std::uint64_t>("q");
  const auto v = m.value<std::uint64_t>("v", 0);
  const auto laps = [=] {
    for (std::uint64_t lap = 0; lap < kLaps; ++lap) {
      const std::lock_guard guard(lock);
      const std::uint64_t n = d.at("n");
      USER_CHECK(l.size() == n && q.size() == n && v.load() == n);
      // In turn each of them is the last call before the unlock.
      const auto change = [&](std::uint64_t which) {
        switch (which % 4) {
          case 0:
            return d.async_insert_or_assign("n", n + 1, kIgnore);
          case 1:
            return l.async_push_back(n, kIgnore);
          case 2:
            return q.async_push(n, kIgnore);
          default:
            return v.async_store(n + 1, kIgnore);
        }
      };
      for (std::uint64_t i = 0; i < 4; ++i) change(n + i);
    }
  };
  agora::process first(laps);
  agora::process second(laps);
  laps();
  first.join(), second.join();
  USER_CHECK(first.exit_code() == 0 && second.exit_code() == 0);
  const std::lock_guard guard(lock);
  USER_CHECK(d.at("n") == 3 * kLaps && l.size() == 3 * kLaps && v.load() == 3 * kLaps);
}

/// An operation in memory takes effect after the calls that were started before it.
void async_then_word(const agora::manager& m) {
  const auto v = m.value<std::int64_t>("word", 0);
  const auto a = m.array<std::int64_t>("words", 4);
  const auto d = m.dict<std::string, std::int64_t>("marks");
  for (std::int64_t i = 0; i < 500; ++i) {
    v.async_store(2 * i, kIgnore);
    v.store(2 * i + 1);
    USER_CHECK(v.load() == 2 * i + 1);
    v.async_add(10, kIgnore);
    USER_CHECK(v.fetch_add(1) == 2 * i + 11);
    a.async_store(1, i, kIgnore);
    a.store(1, -i);
    USER_CHECK(a.load(1) == -i);
    d.async_insert_or_assign("before", i, kIgnore);
    v.store(i);
  }
  USER_CHECK(m.call<std::int64_t>("value.get", "word") == 499);
  // Another process that reads the word also sees the write before it.
  const auto reader = [=] {
    for (std::int64_t seen = 0; seen < 2000;) {
      seen = v.load();
      USER_CHECK(d.at("before") >= seen);
    }
  };
  v.store(0);
  agora::process other(reader);
  for (std::int64_t i = 0; i <= 2000; ++i) {
    d.async_insert_or_assign("before", i, kIgnore);
    v.store(i);
  }
  other.join();
  USER_CHECK(other.exit_code() == 0);
}

/// Every thread of a session sees each write of another one at once, by call or in memory.
void read_your_writes(const agora::manager& m) {
  const auto d = m.dict<int, int>("own");
  const auto s = m.set<int>("own set");
  const auto l = m.list<int>("own list");
  const auto e = m.event("own event");
  for (int i = 0; i < 300; ++i) {
    auto p = m.pipeline();
    static_cast<void>(d.async_insert_or_assign(1, i, p));
    static_cast<void>(d.async_insert_or_assign(2, i, p));
    p.run();
    USER_CHECK(d.at(1) == i && d.at(2) == i);
    d.async_insert_or_assign(3, i, kIgnore);
    USER_CHECK(std::async(std::launch::async, [&] { return d.at(3); }).get() == i);
    s.async_insert(i, kIgnore);
    USER_CHECK(s.contains(i) && s.size() == static_cast<std::size_t>(i) + 1);
    l.async_push_back(i, kIgnore);
    USER_CHECK(l.at(-1) == i && l.size() == static_cast<std::size_t>(i) + 1);
    auto erased = d.async_erase(1, asio::use_future);
    USER_CHECK(!d.contains(1) && d.size() == 2);
    USER_CHECK(erased.get() == 1);
    e.async_set(kIgnore);
    USER_CHECK(e.is_set());
    e.async_clear(kIgnore);
    USER_CHECK(!e.is_set());
  }
}

/// A watched lock is taken by calls, each with a notice; without a watch it is lent again.
void watched(const agora::manager& m) {
  constexpr int kLaps = 50;
  const auto lock = m.lock("watched");
  const auto laps = [=] {
    for (int i = 0; i < kLaps; ++i) lock.lock(), lock.unlock();
  };
  laps();
  std::atomic<int> taken{0};
  std::atomic<int> given_back{0};
  auto watch = lock.watch([&](const agora::object_change& change) {
    if (change.method == "lock.acquire") ++taken;
    if (change.method == "lock.release") ++given_back;
  });
  laps();
  agora::process other(laps);
  other.join();
  USER_CHECK(other.exit_code() == 0);
  while (given_back < 2 * kLaps) std::this_thread::yield();
  USER_CHECK(taken == 2 * kLaps && given_back == 2 * kLaps);
  watch.end();
  laps();
  USER_CHECK(m.ping());
  USER_CHECK(taken == 2 * kLaps);
}

/// The release of a lock that was held in memory when the watch began gives a notice.
void watched_while_held(const agora::manager& m) {
  const auto lock = m.lock("watched later");
  lock.lock(), lock.unlock();
  lock.lock();
  const std::uint64_t token = lock.token();
  std::promise<void> told;
  const auto watch = lock.watch([&](const agora::object_change& change) {
    if (change.method == "lock.release") told.set_value();
  });
  USER_CHECK(lock.held() && lock.token() == token);
  lock.unlock();
  told.get_future().wait();
  USER_CHECK(!m.call<bool>("lock.locked", "watched later"));
}

void guards(const agora::manager& m) {
  const auto lock = m.lock("guard");
  const auto d = m.dict<std::string, int>("guarded");
  lock.lock(), lock.unlock();
  for (int i = 0; i < 100; ++i) {
    lock.lock();
    const auto safe = agora::guarded(d, lock);
    const std::uint64_t token = lock.token();
    safe.insert_or_assign("n", i);
    USER_CHECK(lock.held() && lock.token() == token);
    safe.insert_or_assign("m", i);
    USER_CHECK(!std::async(std::launch::async, [&] { return lock.try_lock(); }).get());
    lock.unlock();
    USER_THROWS(safe.insert_or_assign("n", -1), agora::stale_token);
    lock.lock();
    USER_CHECK(lock.token() > token);
    USER_THROWS(safe.insert_or_assign("n", -1), agora::stale_token);
    lock.unlock();
    USER_CHECK(d.at("n") == i && d.at("m") == i);
  }
  agora::process other([=] {
    lock.lock();
    const auto safe = agora::guarded(d, lock);
    safe.insert_or_assign("n", 1000);
    lock.unlock();
    USER_THROWS(safe.insert_or_assign("n", -1), agora::stale_token);
  });
  other.join();
  USER_CHECK(other.exit_code() == 0 && d.at("n") == 1000);
}

/// Two processes, each with one lock that it took without a call, each waiting for the other's.
void deadlocks(const agora::manager& m) {
  constexpr int kRounds = 20;
  struct Shared {
    std::array<std::atomic<int>, kRounds> refused;
  };
  const std::array locks{m.lock("first"), m.lock("second")};
  auto& shared = user::shared<Shared>();
  const std::array<user::Baton, 2> met;
  const auto cross = [&](std::size_t mine) {
    for (int round = 0; round < kRounds; ++round) {
      const std::lock_guard guard(locks[mine]);
      met[mine].give();
      met[1 - mine].await();
      try {
        const std::lock_guard both(locks[1 - mine]);
      } catch (const agora::deadlock&) {
        ++shared.refused[static_cast<std::size_t>(round)];
      }
    }
  };
  for (const auto& lock : locks) lock.lock(), lock.unlock();
  agora::process other([&] { cross(1); });
  cross(0);
  other.join();
  USER_CHECK(other.exit_code() == 0);
  for (const auto& refused : shared.refused) USER_CHECK(refused == 1);
}

/// Local and remote waiters are in one FIFO; a waiter that returns is behind all others.
void line(const user::OwnServer& server) {
  constexpr std::size_t kEach = 4;
  const agora::manager local(server.unix_address());
  const agora::manager remote(server.tcp_address());
  const agora::manager plain(server.unix_address(), {.shared_memory = false});
  USER_CHECK(local.transport() == "shared memory" && remote.transport() == "tcp");
  const auto mine = local.lock("line");
  for (int round = 0; round < 10; ++round) {
    mine.lock();
    std::vector<std::size_t> served;  // the lock guards it
    std::vector<std::thread> waiting;
    for (std::size_t i = 0; i < 3 * kEach; ++i) {
      const auto lock = (i % 3 == 0 ? remote : i % 3 == 1 ? local : plain).lock("line");
      waiting.emplace_back([&served, lock, i] {
        const std::lock_guard guard(lock);
        served.push_back(i);
      });
      user::await_waits(local, i + 1);
    }
    USER_CHECK(mine.held());
    mine.unlock();
    mine.lock();
    USER_CHECK(served.size() == 3 * kEach);
    for (std::size_t i = 0; i < served.size(); ++i) USER_CHECK(served[i] == i);
    mine.unlock();
    for (auto& thread : waiting) thread.join();
  }
}

}  // namespace

int main() {
  return user::run([] {
    {
      const agora::manager m;
      async_then_unlock(m);
      async_then_word(m);
      read_your_writes(m);
      watched(m);
      watched_while_held(m);
      guards(m);
      deadlocks(m);
    }
    line(user::OwnServer());
  });
}
