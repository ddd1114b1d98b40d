// SPDX-License-Identifier: MIT

// Four processes use the same locks, numbers, queue and dict. They are killed, stopped and replaced
// at random moments. No step is lost or repeated, no process stays stuck, the server keeps no
// remains.
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <random>
#include <signal.h>
#include <string>
#include <vector>

#include <agora/agora.hpp>

#include "tests/user/shared_world.hpp"

using namespace std::chrono_literals;

namespace {

constexpr std::size_t kWorkers = 4;
constexpr int kKills = 250;
constexpr int kKillsBeforeBaseline = 50;
constexpr std::size_t kItems = std::size_t{1} << 20;
constexpr auto kSoon = 30s;

/// The data that a lock protects, beside a number on the server. Only the lock's owner accesses it.
struct Section {
  std::atomic<std::uint64_t> inside;  ///< an owner is between its first and its last step
  std::atomic<std::uint64_t> done;    ///< completed increments
  std::atomic<int> cut_off;           ///< how often its owner died in between
};

/// The steps of one worker's position, over all its processes.
struct Steps {
  std::atomic<std::uint64_t> begun;
  std::atomic<std::uint64_t> ended;
};

enum Item : std::uint8_t { begun = 1, pushed = 2, acknowledging = 4, acknowledged = 8 };

struct Ledger {
  std::array<Section, 2> sections;
  std::array<Steps, kWorkers + 1> sums;
  std::array<Steps, kWorkers + 1> keys;
  std::atomic<std::uint32_t> items;
  std::array<std::atomic<std::uint8_t>, kItems> item;
};

struct World {
  explicit World(const agora::manager& manager) : m(manager) {}

  agora::manager m;
  Ledger& ledger = user::shared<Ledger>();
  agora::mutex lock = m.lock("lock");
  agora::recursive_mutex rlock = m.rlock("rlock");
  std::array<agora::value<std::uint64_t>, 2> counts{m.value<std::uint64_t>("under lock"),
                                                    m.value<std::uint64_t>("under rlock")};
  agora::value<std::uint64_t> sum = m.value<std::uint64_t>("sum");
  agora::dict<std::string, std::uint64_t> dict = m.dict<std::string, std::uint64_t>("dict");
  agora::queue<std::uint32_t> queue = m.queue<std::uint32_t>("queue");
};

/// Increments by a load and a store while the caller holds the lock. Repairs the section first if
/// the owner before died in the middle; owner_died() must say so.
/// @param linger  extra loads in the middle, so that a signal arrives there
template <typename Lock>
void step(const Lock& lock, Section& section, const agora::value<std::uint64_t>& count,
          std::size_t linger = 0) {
  const std::uint64_t before = count.load();
  if (section.inside.exchange(1) != 0) {
    USER_CHECK(lock.owner_died());
    USER_CHECK(before == section.done || before == section.done + 1);
    section.done = before;
    ++section.cut_off;
  }
  USER_CHECK(before == section.done);
  for (std::size_t i = 0; i < linger; ++i) USER_CHECK(count.load() == before);
  count.store(before + 1);
  for (std::size_t i = 0; i < linger; ++i) USER_CHECK(count.load() == before + 1);
  ++section.done;
  section.inside = 0;
}

void under_lock(const World& w, std::size_t laps, std::size_t linger) {
  for (std::size_t i = 0; i < laps; ++i) {
    const std::lock_guard guard(w.lock);
    step(w.lock, w.ledger.sections[0], w.counts[0], linger);
  }
}

void under_rlock(const World& w, std::size_t linger) {
  const std::lock_guard outer(w.rlock);
  step(w.rlock, w.ledger.sections[1], w.counts[1]);
  const std::lock_guard inner(w.rlock);
  step(w.rlock, w.ledger.sections[1], w.counts[1], linger);
}

void add(const World& w, std::size_t place) {
  Steps& steps = w.ledger.sums[place];
  ++steps.begun;
  w.sum.fetch_add(1);
  ++steps.ended;
}

/// Only the worker of this position changes its key, so that it reads its own writes.
void write_key(const World& w, std::size_t place) {
  const std::string key = "key " + std::to_string(place);
  Steps& steps = w.ledger.keys[place];
  ++steps.begun;
  const std::uint64_t written = w.dict.add(key, 1);
  ++steps.ended;
  USER_CHECK(w.dict.at(key) == written);
}

/// A read returns a value that another worker has written, never one that none has started.
void read_key(const World& w, std::size_t place) {
  const Steps& steps = w.ledger.keys[place];
  const std::uint64_t at_least = steps.ended;
  const std::uint64_t read = w.dict.get_or("key " + std::to_string(place), 0);
  USER_CHECK(at_least <= read && read <= steps.begun);
}

void push(const World& w) {
  if (w.queue.size() > 100) return;
  const std::uint32_t number = w.ledger.items++;
  USER_CHECK(number < kItems);
  w.ledger.item[number] |= Item::begun;
  w.queue.push(number);
  w.ledger.item[number] |= Item::pushed;
}

void take(const World& w) {
  auto reserved = w.queue.try_reserve();
  if (!reserved) return;
  auto& item = w.ledger.item[reserved->item()];
  USER_CHECK((item & Item::begun) != 0 && (item & Item::acknowledged) == 0);
  item |= Item::acknowledging;
  reserved->acknowledge();
  item |= Item::acknowledged;
}

void work(const World& w, std::size_t place, std::uint32_t seed) {
  std::minstd_rand chance(seed);
  for (;;) {
    switch (chance() % 9) {
      case 0:
        under_lock(w, 1 + chance() % 20, 0);
        break;
      case 1:
        under_rlock(w, chance() % 5000);
        break;
      case 2:
        if (!w.lock.try_lock_for(std::chrono::microseconds(chance() % 500))) break;
        step(w.lock, w.ledger.sections[0], w.counts[0]);
        w.lock.unlock();
        break;
      case 3:
        add(w, place);
        break;
      case 4:
        write_key(w, place);
        break;
      case 5:
        read_key(w, chance() % kWorkers);
        break;
      case 6:
        under_lock(w, 1, chance() % 5000);
        break;
      case 7:
        push(w);
        break;
      default:
        take(w);
        break;
    }
  }
}

class Storm {
 public:
  Storm(const World& world, std::uint32_t seed) : w_(world), chance_(seed) {
    for (std::size_t place = 0; place < kWorkers; ++place) start(place);
  }

  void rage(int kills) {
    while (kills > 0) {
      const std::size_t place = chance_() % kWorkers;
      for (auto steps = chance_() % 30; steps > 0; --steps) take_part();
      const bool stops = chance_() % 2 == 0;
      if (stops) {
        USER_CHECK(kill(workers_[place]->pid(), SIGSTOP) == 0);
        for (auto steps = chance_() % 10; steps > 0; --steps) take_part();
      }
      if (stops && chance_() % 2 == 0) {
        USER_CHECK(kill(workers_[place]->pid(), SIGCONT) == 0);
        continue;
      }
      end(place);
      --kills;
      // Its successor may get its owner slot.
      if (chance_() % 2 == 0) check_locks();
      start(place);
    }
  }

  void end_all() {
    for (std::size_t place = 0; place < kWorkers; ++place) end(place);
  }

  /// Every lock becomes free, and the sums agree.
  void check_locks() const {
    USER_CHECK(w_.lock.try_lock_for(kSoon));
    step(w_.lock, w_.ledger.sections[0], w_.counts[0]);
    w_.lock.unlock();
    USER_CHECK(w_.rlock.try_lock_for(kSoon));
    step(w_.rlock, w_.ledger.sections[1], w_.counts[1]);
    w_.rlock.unlock();
  }

 private:
  void start(std::size_t place) {
    const auto seed = static_cast<std::uint32_t>(chance_());
    workers_[place].emplace([this, place, seed] { work(w_, place, seed); });
  }

  void end(std::size_t place) {
    workers_[place]->kill();
    workers_[place]->join();
    USER_CHECK(workers_[place]->exit_code() == -SIGKILL);
  }

  /// Runs operations that never wait for a worker that may be stopped.
  void take_part() {
    add(w_, kWorkers);
    write_key(w_, kWorkers);
    read_key(w_, chance_() % kWorkers);
    if (!w_.lock.try_lock()) return;
    step(w_.lock, w_.ledger.sections[0], w_.counts[0]);
    w_.lock.unlock();
  }

  const World& w_;
  std::minstd_rand chance_;
  std::array<std::optional<agora::process>, kWorkers> workers_;
};

void check_sums(const World& w) {
  std::uint64_t begun = 0;
  std::uint64_t ended = 0;
  for (const Steps& steps : w.ledger.sums) begun += steps.begun, ended += steps.ended;
  USER_CHECK(ended <= w.sum && w.sum <= begun && begun - ended <= kKills + kWorkers);
  for (std::size_t place = 0; place <= kWorkers; ++place) {
    const std::uint64_t value = w.dict.get_or("key " + std::to_string(place), 0);
    const Steps& steps = w.ledger.keys[place];
    USER_CHECK(steps.ended <= value && value <= steps.begun);
  }
  // Otherwise the test has tried nothing.
  USER_CHECK(w.ledger.sections[0].cut_off + w.ledger.sections[1].cut_off > 0);
  USER_CHECK(w.counts[0] == w.ledger.sections[0].done && w.counts[0] > kKills);
  USER_CHECK(w.counts[1] == w.ledger.sections[1].done && w.counts[1] > kKills);
}

/// Takes the remaining items out. Every item was acknowledged, or is still there, or was being
/// acknowledged when its worker died.
void check_items(const World& w) {
  std::vector<bool> left(kItems);
  while (const auto item = w.queue.try_pop()) {
    USER_CHECK(!left[*item]);
    left[*item] = true;
  }
  for (const auto& [item, deliveries, reason, since] : w.queue.dead_letters(1'000'000)) {
    USER_CHECK(!left[item]);
    left[item] = true;
  }
  for (std::uint32_t number = 0; number < w.ledger.items; ++number) {
    const std::uint8_t item = w.ledger.item[number];
    if ((item & Item::acknowledged) != 0) USER_CHECK(!left[number]);
    if ((item & (Item::pushed | Item::acknowledging)) == Item::pushed) USER_CHECK(left[number]);
  }
}

void check_quiet(const World& w) {
  user::await_sessions(w.m, 1);
  USER_CHECK(user::waits(w.m) == 0);
  for (auto& row : w.m.call<user::Rows>("server.locks")) {
    USER_CHECK(row["holders"].get<std::vector<agora::any>>()->empty());
  }
}

}  // namespace

int main() {
  return user::run([] {
    const std::uint32_t seed = user::seed();
    const World w{agora::manager()};
    USER_CHECK(w.m.transport() == "shared memory");
    const pid_t server = user::server_pid(w.m);
    Storm calm(w, seed);
    calm.rage(kKillsBeforeBaseline);
    calm.end_all();
    calm.check_locks();
    check_quiet(w);
    const user::Descriptors descriptors = user::descriptors(server);
    const std::size_t resident = user::resident_kib(server);

    Storm storm(w, seed + 1);
    storm.rage(kKills - kKillsBeforeBaseline);
    storm.end_all();
    storm.check_locks();
    check_quiet(w);
    check_sums(w);
    check_items(w);
    USER_CHECK(user::descriptors(server) == descriptors);
    USER_CHECK(user::kSanitized || user::resident_kib(server) < resident + 8 * 1024);
  });
}
