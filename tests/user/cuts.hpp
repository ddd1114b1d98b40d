// SPDX-License-Identifier: MIT

// Connections that break at any byte lose nothing: increments and transfers take effect exactly
// once, a waiting pop keeps its position, a lock stays held, asynchronous calls complete. The same
// over a Unix socket and over TLS.
#pragma once

#include <chrono>
#include <cstdio>
#include <functional>
#include <future>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <agora/agora.hpp>

#include "tests/user/cutting_proxy.hpp"

namespace user {

using namespace std::chrono_literals;

/// The way from the managers to the server, through a proxy that cuts it.
struct CutWay {
  std::string target;  ///< the server's address, for the proxy
  /// Returns the managers' address for that of the proxy.
  std::function<std::string(const std::string&)> address = [](const std::string& proxy) {
    return proxy;
  };
  agora::manager_options options = {};

  agora::manager connect(const CuttingProxy& proxy, std::chrono::nanoseconds ttl,
                         std::chrono::nanoseconds deadline) const {
    agora::manager_options its = options;
    its.ttl = ttl;
    its.deadline = deadline;
    its.shared_memory = false;
    return agora::manager(address(proxy.address()), its);
  }
};

inline void increments(const agora::manager& server, const CutWay& path, std::uint32_t seed) {
  CuttingProxy way(path.target, 60'000, seed);
  {
    const agora::manager m = path.connect(way, 10s, 60s);
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

inline void waiting(const agora::manager& server, const CutWay& path) {
  CuttingProxy way(path.target);
  const agora::manager m = path.connect(way, 10s, 30s);
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

inline void held(const agora::manager& server, const CutWay& path) {
  CuttingProxy way(path.target);
  const agora::manager m = path.connect(way, 1s, 30s);
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

inline void cuts(const agora::manager& server, const CutWay& path) {
  const std::uint32_t seed = std::random_device()();
  std::fprintf(stderr, "seed %u\n", seed);
  increments(server, path, seed);
  waiting(server, path);
  held(server, path);
}

}  // namespace user
