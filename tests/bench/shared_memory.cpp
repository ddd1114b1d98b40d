// SPDX-License-Identifier: MIT

#include "tests/bench/shared_memory.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <dirent.h>
#include <iostream>
#include <map>
#include <mutex>
#include <random>
#include <signal.h>
#include <string>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <unordered_map>
#include <vector>

#include <agora/agora.hpp>

#include "client/load/traffic.hpp"
#include "tests/bench/peers.hpp"
#include "tests/bench/protocols.hpp"

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

/// Returns the mean time of `times` runs of `step(i)`, nanoseconds.
template <typename Step>
double cost(std::size_t times, Step&& step) {
  const auto begin = Clock::now();
  for (std::size_t i = 0; i < times; ++i) step(i);
  return std::chrono::duration<double, std::nano>(Clock::now() - begin).count() /
         static_cast<double>(times);
}

/// Measures two costs, interleaved; prints their medians and the median of their ratios.
template <typename Ours, typename Theirs>
void compare(const char* what, std::size_t times, Ours&& ours, Theirs&& theirs,
             const char* wanted) {
  std::vector<double> a, b, ratios;
  for (int round = 0; round < kRounds; ++round) {
    a.push_back(cost(times, ours));
    b.push_back(cost(times, theirs));
    ratios.push_back(a.back() / b.back());
  }
  std::printf("shared-memory  %-34s %8.2f ns beside %8.2f ns, ratio %.2f (%s)\n", what, median(a),
              median(b), median(ratios), wanted);
}

/// Keeps the compiler from removing the computation of `value`.
void use(long value) { asm volatile("" : : "r"(value)); }

/// Blocking calls to Redis over its Unix socket.
class RedisCalls {
 public:
  explicit RedisCalls(const Redis& redis) : fd_(connect_unix(redis.unix_path)) {}
  ~RedisCalls() { ::close(fd_); }
  RedisCalls(const RedisCalls&) = delete;
  RedisCalls& operator=(const RedisCalls&) = delete;

  /// Sends a request and waits for a reply of `reply_bytes` bytes.
  void call(const std::string& request, std::size_t reply_bytes) {
    static_cast<void>(::send(fd_, request.data(), request.size(), MSG_NOSIGNAL));
    for (std::size_t got = 0; got < reply_bytes;) {
      const ssize_t bytes = ::recv(fd_, space_, std::min(sizeof space_, reply_bytes - got), 0);
      got += bytes > 0 ? static_cast<std::size_t>(bytes) : reply_bytes;
    }
  }

 private:
  int fd_;
  char space_[4096];
};

void values_and_locks(const manager& m, RedisCalls& redis) {
  const auto v = m.value<long>("v", 0);
  const auto lock = m.lock("l");
  const auto again = m.rlock("r");
  std::atomic<long> word{0};
  std::mutex mutex;
  use(v.load());
  lock.lock(), lock.unlock();
  again.lock(), again.unlock();
  constexpr std::size_t kMany = 2'000'000;
  compare(
      "value.load", 10 * kMany, [&](std::size_t) { use(v.load()); },
      [&](std::size_t) { use(word.load()); }, "at most 2 ns");
  compare(
      "value.store", kMany, [&](std::size_t i) { v.store(static_cast<long>(i)); },
      [&](std::size_t i) { word.store(static_cast<long>(i)); }, "at most 1.50");
  compare(
      "value.fetch_add", kMany, [&](std::size_t) { v.fetch_add(1); },
      [&](std::size_t) { word.fetch_add(1); }, "at most 1.50");
  // A second thread: in a single-threaded process std::mutex skips its atomic operations.
  std::atomic<bool> done{false};
  std::thread second([&] { done.wait(false); });
  compare(
      "mutex lock + unlock", kMany, [&](std::size_t) { lock.lock(), lock.unlock(); },
      [&](std::size_t) { mutex.lock(), mutex.unlock(); }, "at most 1.50");
  compare(
      "recursive_mutex lock + unlock", kMany, [&](std::size_t) { again.lock(), again.unlock(); },
      [&](std::size_t) { mutex.lock(), mutex.unlock(); }, "at most 1.50");
  done = true, done.notify_one();
  second.join();
  const std::string take = resp({"SET", "lock", "me", "NX"});
  const std::string give = resp({"DEL", "lock"});
  std::vector<double> ratios;
  for (int round = 0; round < kRounds; ++round) {
    const double theirs =
        cost(5'000, [&](std::size_t) { redis.call(take, 5), redis.call(give, 4); });
    ratios.push_back(theirs / cost(kMany, [&](std::size_t) { lock.lock(), lock.unlock(); }));
  }
  std::printf(
      "shared-memory  a lock is %.0f times as fast as SET NX + DEL at Redis (at least 300)\n",
      median(ratios));
}

void dict_reads(const manager& m, RedisCalls& redis, std::size_t keys, double wanted) {
  const auto d = m.dict<std::string, std::string>();
  std::unordered_map<std::string, std::string> map;
  std::vector<std::string> names;
  std::vector<std::pair<std::string, std::string>> some;
  std::string fill;
  for (std::size_t i = 0; i < keys; ++i) {
    names.push_back(key_text(i));
    map.emplace(names.back(), value_text(64));
    some.emplace_back(names.back(), value_text(64));
    redis.call(resp({"SET", names.back(), value_text(64)}), 5);
    if (some.size() == 10'000 || i + 1 == keys) d.update(some), some.clear();
  }
  std::mt19937 random{1};
  // In the order of the lookups, so that the key itself is in the cache.
  std::vector<std::string> asked;
  for (int i = 0; i < 200'000; ++i) asked.push_back(names[random() % keys]);
  std::string value;
  std::vector<double> ours, own, theirs, to_map, to_redis;
  for (int round = 0; round < kRounds; ++round) {
    ours.push_back(cost(asked.size(), [&](std::size_t i) { d.get_into(asked[i], value); }));
    own.push_back(
        cost(asked.size(), [&](std::size_t i) { value.assign(map.find(asked[i])->second); }));
    theirs.push_back(cost(5'000, [&](std::size_t i) {
      redis.call(resp({"GET", asked[i]}), 5 + 64 + 2);
    }));
    to_map.push_back(ours.back() / own.back());
    to_redis.push_back(theirs.back() / ours.back());
  }
  std::printf(
      "shared-memory  dict get of %7zu keys: %.0f ns beside unordered_map %.0f ns, ratio %.2f "
      "(at most 2.00); Redis GET %.0f ns, %.0f times (at least %.0f)\n",
      keys, median(ours), median(own), median(to_map), median(theirs), median(to_redis), wanted);
}

/// Four processes that increment one counter under a lock; returns nanoseconds per increment.
double counted(const std::string& address, bool shared, int each) {
  manager m(address, {.shared_memory = shared});
  const auto count = m.value<int>("", 0);
  const auto lock = m.lock("");
  const auto begin = Clock::now();
  std::vector<process> workers;
  for (int n = 0; n < 4; ++n) {
    workers.emplace_back([=] {
      for (int i = 0; i < each; ++i) {
        const std::lock_guard guard(lock);
        count.store(count.load() + 1);
      }
    });
  }
  for (auto& worker : workers) worker.join();
  const double taken = std::chrono::duration<double, std::nano>(Clock::now() - begin).count();
  if (count.load() != 4 * each) std::printf("shared-memory  the count is wrong\n");
  return taken / (4.0 * each);
}

void counting(const std::string& address) {
  std::vector<double> fast, slow, ratios;
  for (int round = 0; round < 3; ++round) {
    fast.push_back(counted(address, true, 100'000));
    slow.push_back(counted(address, false, 2'500));
    ratios.push_back(slow.back() / fast.back());
  }
  std::printf(
      "shared-memory  4 processes that count under a lock: %.0f ns, over sockets %.0f ns an "
      "increment, %.0f times (at least 20)\n",
      median(fast), median(slow), median(ratios));
}

std::size_t descriptors_of(pid_t pid) {
  std::size_t count = 0;
  DIR* const directory = ::opendir(("/proc/" + std::to_string(pid) + "/fd").c_str());
  while (directory != nullptr && ::readdir(directory) != nullptr) ++count;
  if (directory != nullptr) ::closedir(directory);
  return count;
}

}  // namespace

void shared_memory() {
  if (cpu_count() > 1) pin_to(1);
  const int cpu = cpu_count() > 1 ? 0 : -1;
  Agorad server{cpu};
  Redis redis{cpu};
  RedisCalls calls{redis};
  const std::string address = "unix:" + server.unix_path;
  {
    const manager m(address);
    values_and_locks(m, calls);
    dict_reads(m, calls, 10'000, 100);
    dict_reads(m, calls, 100'000, 50);
    dict_reads(m, calls, 1'000'000, 25);
  }
  Agorad loose{-1};
  cpu_set_t all;
  CPU_ZERO(&all);
  for (int i = 0; i < 64; ++i) CPU_SET(i, &all);
  ::sched_setaffinity(0, sizeof all, &all);
  counting("unix:" + loose.unix_path);
}

void killed_clients() {
  Agorad server{-1};
  const std::string address = "unix:" + server.unix_path;
  const manager m(address);
  const auto lock = m.lock("l");
  const auto held = m.event("held");
  std::vector<double> waited;
  const auto one = [&](bool measure) {
    held.clear();
    process victim([=] {
      lock.lock();
      held.set();
      ::pause();
    });
    held.wait();
    const auto begin = Clock::now();
    victim.kill();
    lock.lock();
    if (measure)
      waited.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
    lock.unlock();
    victim.join();
  };
  for (int i = 0; i < 300; ++i) one(true);
  std::sort(waited.begin(), waited.end());
  std::printf(
      "killed-clients a lock is free again after kill -9: p50 %.2f ms, p99 %.2f ms (p99 below "
      "10)\n",
      waited[waited.size() / 2], waited[waited.size() * 99 / 100]);
  const std::size_t descriptors = descriptors_of(server.child.pid());
  const auto memory = m.call<std::map<std::string, any>>("server.stats");
  const std::size_t resident = server.child.resident();
  for (int i = 0; i < 10'000; ++i) one(false);
  const auto after = m.call<std::map<std::string, any>>("server.stats");
  std::printf(
      "killed-clients 10,000 killed: %zu descriptors before, %zu after; %zu KiB resident "
      "before, %zu after\n",
      descriptors, descriptors_of(server.child.pid()), resident / 1024,
      server.child.resident() / 1024);
  for (const auto& [name, value] : memory) {
    std::cout << "killed-clients   " << name << ": " << value << " before, " << after.at(name)
              << " after\n";
  }
}

}  // namespace agora::bench
