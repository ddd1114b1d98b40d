// SPDX-License-Identifier: MIT

#include "tests/bench/shared_dict.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <random>
#include <stdexcept>
#include <string>
#include <sys/mman.h>
#include <thread>
#include <unordered_map>
#include <vector>

#include "client/load/traffic.hpp"
#include "server/storage/cells.hpp"
#include "server/storage/table.hpp"
#include "shared/shm/memfd_extents.hpp"
#include "shared/shm/table_reader.hpp"
#include "shared/value/msgpack_writer.hpp"
#include "shared/value/text_body.hpp"
#include "tests/bench/peers.hpp"

namespace agora::bench {
namespace {

using load::key_text;
using load::value_text;
using Clock = std::chrono::steady_clock;
constexpr int kRounds = 7;
constexpr std::size_t kLooks = 400'000;
constexpr double kWritesPerSecond = 1e6;
constexpr HashKey kHashKey{17, 4711};
constexpr std::uint64_t kObject = 1;

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double nanoseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::nano>(Clock::now() - begin).count();
}

/// Returns the CPU time of this thread. Lookups never sleep, and preemption by other threads is not
/// part of their cost.
double cpu_nanoseconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

std::string packed_text(std::string_view text) {
  std::string bytes;
  Writer{bytes}.text(text);
  return bytes;
}

/// A table of the server, and a second, read-only mapping of its extents, as in a client.
class Shared {
 public:
  explicit Shared(std::size_t keys) {
    for (std::size_t i = 0; i < keys; ++i) put(key_text(i), value_text(64));
    cell_ = cells_.take(ObjectId{kObject});
    table_.publish(cells_.at(cell_));
    std::size_t known = 0;
    for (const MemfdExtent& extent : extents_.extents()) {
      const std::size_t bytes = extent.bytes().size();
      void* base =
          mmap(nullptr, bytes, PROT_READ, MAP_SHARED | MAP_POPULATE, extent.descriptor(), 0);
      if (base == MAP_FAILED) throw std::runtime_error("mmap");
      maps_.emplace_back(base, bytes);
      pages_.add(known, bytes / shm::Pages::kPageBytes, static_cast<const std::byte*>(base));
      known += bytes / shm::Pages::kPageBytes;
    }
  }
  ~Shared() {
    for (const auto& [base, bytes] : maps_) munmap(base, bytes);
  }

  void put(std::string_view key, std::string_view value) {
    const std::string key_bytes = packed_text(key);
    const std::string bytes = packed_text(value);
    const auto placed =
        table_.insert_or_assign(key_bytes, PackedView{key_bytes}, PackedView{bytes});
    if (!placed) throw std::runtime_error("no room");
  }
  shm::ReadResult find(std::string_view key, std::string& value) {
    const TextHeader head = text_header(key.size());
    const auto& cell =
        *reinterpret_cast<const shm::Cell*>(pages_.at(cell_.unit, sizeof(shm::Cell)));
    return shm::find(pages_, cell, kObject, kHashKey, {head.bytes, head.size, key},
                     [&](std::string_view bytes) {
                       const std::string_view body = text_body(bytes);
                       if (body.data() != nullptr) value.assign(body);
                       return body.data() != nullptr;
                     });
  }

 private:
  MemfdExtents extents_;
  Arena arena_{extents_};
  Values values_{arena_};
  Cells cells_{arena_};
  Handle cell_;
  Table table_{arena_, values_, kHashKey};
  std::vector<std::pair<void*, std::size_t>> maps_;
  shm::Pages pages_;
};

/// A thread that overwrites random keys a million times a second until it is destroyed.
class WriterThread {
 public:
  WriterThread(Shared& shared, const std::vector<std::string>& keys)
      : thread_([this, &shared, &keys] { run(shared, keys); }) {}
  ~WriterThread() {
    done_ = true;
    thread_.join();
  }
  double rate() const {
    return static_cast<double>(writes_.load()) / nanoseconds_since(begin_) * 1e9;
  }

 private:
  void run(Shared& shared, const std::vector<std::string>& keys) {
    if (cpu_count() > 1) pin_to(0);
    const std::string value = value_text(64);
    std::mt19937 random{1};
    while (!done_.load(std::memory_order_relaxed)) {
      if (static_cast<double>(writes_.load(std::memory_order_relaxed)) >
          nanoseconds_since(begin_) * kWritesPerSecond / 1e9) {
        continue;
      }
      for (int i = 0; i < 16; ++i) shared.put(keys[random() % keys.size()], value);
      writes_.fetch_add(16, std::memory_order_relaxed);
    }
  }

  const Clock::time_point begin_ = Clock::now();
  std::atomic<bool> done_{false};
  std::atomic<std::uint64_t> writes_{0};
  std::thread thread_;
};

struct Cost {
  double nanoseconds;
  double fallbacks;  ///< share of the lookups that would have become calls
};

class Compared {
 public:
  explicit Compared(std::size_t keys) : shared_(keys), other_(keys) {
    for (std::size_t i = 0; i < keys; ++i) {
      keys_.push_back(key_text(i));
      map_.emplace(keys_.back(), value_text(64));
    }
    std::mt19937 random{2};
    for (std::size_t i = 0; i < kLooks; ++i) order_.push_back(random() % keys);
  }

  double map() {
    const double begin = cpu_nanoseconds();
    for (const std::size_t which : order_) value_.assign(map_.find(keys_[which])->second);
    return (cpu_nanoseconds() - begin) / kLooks;
  }
  Cost shared() {
    std::size_t fallbacks = 0;
    const double begin = cpu_nanoseconds();
    for (const std::size_t which : order_) {
      if (shared_.find(keys_[which], value_) != shm::ReadResult::found) ++fallbacks;
    }
    return {(cpu_nanoseconds() - begin) / kLooks, static_cast<double>(fallbacks) / kLooks};
  }

  void run() {
    std::vector<double> map_ns, idle_ns, busy_ns, ratios, slower, fallbacks, rates, control;
    for (int round = 0; round < kRounds; ++round) {
      map_ns.push_back(map());
      idle_ns.push_back(shared().nanoseconds);
      ratios.push_back(idle_ns.back() / map_ns.back());
      {
        const WriterThread elsewhere{other_, keys_};
        control.push_back(shared().nanoseconds / idle_ns.back());
      }
      const WriterThread writing{shared_, keys_};
      const Cost cost = shared();
      busy_ns.push_back(cost.nanoseconds);
      slower.push_back(cost.nanoseconds / idle_ns.back());
      fallbacks.push_back(cost.fallbacks);
      rates.push_back(writing.rate());
    }
    std::printf(
        "shared-dict  %7zu keys: %.0f ns, unordered_map %.0f ns, ratio %.2f (at most 2.00); beside "
        "%.2f M writes/s %.0f ns, ratio %.2f (at most 1.30; %.2f beside a writer of another dict), "
        "calls instead %.6f (below 0.0001)\n",
        keys_.size(), median(idle_ns), median(map_ns), median(ratios), median(rates) / 1e6,
        median(busy_ns), median(slower), median(control),
        *std::max_element(fallbacks.begin(), fallbacks.end()));
  }

 private:
  Shared shared_;
  Shared other_;
  std::unordered_map<std::string, std::string> map_;
  std::vector<std::string> keys_;
  std::vector<std::size_t> order_;
  std::string value_;
};

}  // namespace

void shared_dict() {
  if (cpu_count() > 1) pin_to(1);
  for (const std::size_t keys : {1'000U, 100'000U, 1'000'000U}) Compared{keys}.run();
}

}  // namespace agora::bench
