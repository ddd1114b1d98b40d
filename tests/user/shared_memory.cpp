// SPDX-License-Identifier: MIT

// Programs on the server's host use the same proxies in shared memory, without calls.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

namespace {

void values(const agora::manager& m) {
  auto v = m.value<int>("v", 5);
  USER_CHECK(v.load() == 5);
  v.store(7);
  USER_CHECK(v.load() == 7 && v.fetch_add(3) == 7 && v.load() == 10);
  int expected = 10;
  USER_CHECK(v.compare_exchange_strong(expected, 11) && v.load() == 11);
  USER_CHECK(m.call<int>("value.get", "v") == 11);
  m.call<void>("value.set", "v", 20);
  USER_CHECK(v.load() == 20);
  auto d = m.value<double>("d", 0.5);
  USER_CHECK((d += 0.25) == 0.75);
  USER_CHECK(d.load() == 0.75);
  auto a = m.array<std::uint8_t>("a", {1, 2, 255});
  USER_CHECK(a.add(2, 2) == 1 && a.load(-1) == 1 && a.size() == 3);
  USER_CHECK(m.call<std::vector<int>>("array.slice", "a") == std::vector<int>({1, 2, 1}));
}

// Returns whether server.sessions lists a lock that was taken without the server.
bool says_who_holds(const agora::manager& m, const std::string& name) {
  using Members = std::map<std::string, agora::any>;
  for (auto& session : m.call<std::vector<Members>>("server.sessions")) {
    const auto holds = session["holds"].get<std::vector<std::string>>();
    if (*session["transport"].get<std::string>() != "shared memory") continue;
    if (std::count(holds->begin(), holds->end(), name) == 1) return true;
  }
  return false;
}

void locks(const agora::manager& m) {
  auto lock = m.lock("l");
  lock.lock();
  const auto first = lock.token();
  if (m.transport() == "shared memory") USER_CHECK(says_who_holds(m, "l"));
  USER_CHECK(lock.held());
  USER_CHECK(m.call<bool>("lock.locked", "l"));
  USER_CHECK(lock.held() && lock.token() == first);
  std::thread([&] { USER_CHECK(!lock.try_lock()); }).join();
  lock.unlock();
  USER_CHECK(!lock.held());
  USER_CHECK(lock.try_lock() && lock.token() > first);
  lock.unlock();
  bool deadlock = false;
  lock.lock();
  try {
    lock.lock();
  } catch (const agora::deadlock&) {
    deadlock = true;
  }
  USER_CHECK(deadlock && lock.held());
  lock.unlock();

  m.call<agora::any>("object.create", "lock", "kept", std::vector<int>(),
                     std::map<std::string, bool>{{"local", false}});
  const auto kept = m.lock("kept");
  for (int i = 0; i < 2; ++i) {
    kept.lock();
    USER_CHECK(kept.held() && !std::async([&] { return kept.try_lock(); }).get());
    kept.unlock();
  }

  // A thread-local destructor runs after the thread's owner slot was released.
  struct LastWord {
    std::function<void()> say;
    ~LastWord() {
      if (say) say();
    }
  };
  std::thread([&] {
    static thread_local LastWord last;
    last.say = [&] {
      lock.lock();
      USER_CHECK(!std::async([&] { return lock.try_lock(); }).get());
      lock.unlock();
    };
    lock.lock();
    lock.unlock();
  }).join();

  auto again = m.rlock("r");
  again.lock(), again.lock();
  again.unlock();
  USER_CHECK(again.held());
  again.unlock();
  USER_CHECK(!again.held());

  auto count = m.value<long>("count", 0);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10'000; ++i) {
        const std::lock_guard guard(lock);
        count.store(count.load() + 1);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  USER_CHECK(count.load() == 40'000);
}

}  // namespace

int main() {
  return user::run([] {
    {
      agora::manager m;
      USER_CHECK(m.ping());
      USER_CHECK(m.transport() == "shared memory");
      values(m);
      locks(m);
      auto c = m.condition("c");
      auto ready = m.value<int>("ready", 0);
      std::thread other([&] {
        std::unique_lock lock(c.mutex());
        ready = 1;
        c.notify_all();
      });
      {
        std::unique_lock lock(c.mutex());
        c.wait(lock, [&] { return ready.load() == 1; });
        USER_CHECK(c.mutex().held());
      }
      USER_CHECK(!c.mutex().held());
      other.join();
      auto e = m.event("e");
      USER_CHECK(!e.is_set());
      e.set();
      USER_CHECK(e.is_set() && e.wait_for(std::chrono::seconds(0)));
      auto worker = agora::process([v = m.value<int>("v"), l = m.lock("l")] {
        const std::lock_guard guard(l);
        v += 100;
      });
      worker.join();
      USER_CHECK(worker.exit_code() == 0 && m.value<int>("v").load() == 120);
    }
    agora::manager plain({.shared_memory = false});
    USER_CHECK(plain.ping() && plain.transport() == "unix");
    values(plain);
    locks(plain);
  });
}
