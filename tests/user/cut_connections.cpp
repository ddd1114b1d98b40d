// SPDX-License-Identifier: MIT

// Connections that break at any byte lose nothing: increments and transfers take effect exactly
// once, a waiting pop keeps its position, a lock stays held, asynchronous calls complete.
#include <chrono>
#include <future>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <agora/agora.hpp>

#include "tests/user/cutting_proxy.hpp"

using namespace std::chrono_literals;

namespace {

void increments(const agora::manager& server, std::uint32_t seed) {
  user::CuttingProxy way(server.address(), 60'000, seed);
  {
    const agora::manager m(way.address(), {.deadline = 60s, .shared_memory = false});
    const auto d = m.dict<std::string, std::int64_t>("sums");
    const auto q = m.queue<int>("q");
    const auto anonymous = m.list<int>();
    constexpr int kThreads = 6;
    constexpr int kRounds = 400;
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int round = 0; round < kRounds; ++round) {
          d.add("blocking", 1);
          q.push(round);
          q.pop();
          if (round % 20 == 0) anonymous.push_back(t);
          if (round % 50 != 0) continue;
          auto p = m.pipeline();
          for (int i = 0; i < 100; ++i) static_cast<void>(d.async_add("pipelined", 1, 0, p));
          p.run();
          std::vector<std::future<std::int64_t>> told;
          for (int i = 0; i < 100; ++i) {
            told.push_back(d.async_add("asynchronous", 1, 0, asio::use_future));
          }
          for (auto& each : told) each.get();
        }
      });
    }
    for (auto& thread : threads) thread.join();
    way.mend();
    USER_CHECK(way.connections() > 20);
    USER_CHECK(d.at("blocking") == kThreads * kRounds);
    USER_CHECK(d.at("pipelined") == kThreads * kRounds * 2);
    USER_CHECK(d.at("asynchronous") == kThreads * kRounds * 2);
    USER_CHECK(q.empty());
    USER_CHECK(anonymous.size() == kThreads * kRounds / 20);
  }
  server.remove("sums");
  server.remove("q");
}

void waiting(const agora::manager& server) {
  user::CuttingProxy way(server.address());
  const agora::manager m(way.address(), {.shared_memory = false});
  const auto mine = m.queue<std::string>("w");
  const auto theirs = server.queue<std::string>("w");
  const auto waiters = [&] { return server.call<std::vector<agora::any>>("server.waits").size(); };
  auto first = std::async(std::launch::async, [&] { return mine.pop(); });
  while (waiters() < 1) std::this_thread::yield();
  auto second = std::async(std::launch::async, [&] { return theirs.pop(); });
  while (waiters() < 2) std::this_thread::yield();
  way.cut();
  USER_CHECK(m.ping());
  theirs.push("for the first");
  theirs.push("for the second");
  USER_CHECK(first.get() == "for the first");
  USER_CHECK(second.get() == "for the second");

  // The reply is made while there is no connection.
  auto third = std::async(std::launch::async, [&] { return mine.pop(); });
  while (waiters() < 1) std::this_thread::yield();
  way.shut();
  theirs.push("meanwhile");
  while (waiters() > 0) std::this_thread::yield();
  way.open();
  USER_CHECK(third.get() == "meanwhile");
  USER_CHECK(theirs.empty());
}

void held(const agora::manager& server) {
  user::CuttingProxy way(server.address());
  const agora::manager m(way.address(), {.ttl = 1s, .shared_memory = false});
  const auto lock = m.lock("l");
  std::promise<void> lost;
  lock.on_lost([&] { lost.set_value(); });
  lock.lock();
  USER_CHECK(lock.held());
  way.shut();
  while (lock.held()) std::this_thread::yield();
  way.open();
  while (!lock.held()) std::this_thread::yield();
  USER_CHECK(!server.lock("l").try_lock());

  // Longer than its ttl: the session is over, and the server grants the lock to the next owner.
  way.shut();
  lost.get_future().wait();
  USER_CHECK(!lock.held());
  USER_CHECK(server.lock("l").try_lock_for(60s));
  way.open();
  USER_CHECK(m.ping());
  USER_CHECK(!lock.held());
  USER_THROWS(lock.release(), agora::session_lost);
  server.lock("l").unlock();
  lock.lock();
  USER_CHECK(lock.held());
  lock.unlock();
}

}  // namespace

int main() {
  return user::run([] {
    const std::uint32_t seed = std::random_device()();
    std::fprintf(stderr, "seed %u\n", seed);
    const agora::manager server;
    increments(server, seed);
    waiting(server);
    held(server);
  });
}
