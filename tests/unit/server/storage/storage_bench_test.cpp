// SPDX-License-Identifier: MIT

// Benchmarks of the storage, run by hand: unit_storage "[.bench]". Only counts are asserted; times
// are printed, never compared.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <time.h>
#include <vector>

#include "server/storage/table.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/server/storage/storage.hpp"

using namespace agora;
using namespace agora::test;

namespace {

/// Returns the CPU time of this thread, which excludes other programs.
double microseconds() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

double microseconds_since(double start) { return microseconds() - start; }

/// Returns a text of 16 characters.
std::string sixteen(std::size_t number) {
  char buffer[17];
  std::snprintf(buffer, sizeof buffer, "%016zx", number * 0x9e3779b97f4a7c15);
  return std::string{buffer};
}

std::vector<Packed> keys_of_16(std::size_t kCount) {
  std::vector<Packed> keys;
  for (std::size_t i = 0; i < kCount; ++i) keys.push_back(text(sixteen(i)));
  return keys;
}

std::size_t fill(Table& table, const std::vector<Packed>& keys, PackedView value) {
  std::size_t inserted = 0;
  for (const Packed& key : keys) {
    const auto placed = table.insert_or_assign(key.bytes(), key, value);
    if (placed && placed->inserted) ++inserted;
  }
  return inserted;
}

}  // namespace

TEST_CASE("storage: 1 M entries of 16 and 64 characters take at most 140 bytes each", "[.bench]") {
  constexpr std::size_t kCount = 1'000'000;
  const std::vector<Packed> keys = keys_of_16(kCount);
  Storage<HeapExtents> storage;
  Table table{storage.arena, storage.values, HashKey{1, 2}};
  REQUIRE(fill(table, keys, text_of_size(64, 1)) == kCount);

  // Only the vectors of the table lie outside the arena.
  const std::size_t vectors = table.bytes() - storage.arena.bytes_used();
  const double used = static_cast<double>(table.bytes()) / kCount;
  const double reserved = static_cast<double>(storage.arena.bytes_reserved() + vectors) / kCount;
  std::printf("bytes an entry at 1 M: %.1f used, %.1f reserved\n", used, reserved);
  CHECK(reserved <= 140);
}

TEMPLATE_TEST_CASE("storage: the longest of 2 M inserts", "[.bench]", HeapExtents, MemfdExtents) {
  constexpr std::size_t kCount = 2'000'000;
  const std::vector<Packed> keys = keys_of_16(kCount);
  const Packed value = text_of_size(64, 1);
  // Take the minimum of three runs for each insert: noise of the machine hits another insert each
  // time, the cost of the table always the same.
  std::vector<double> times(kCount, 1e9);
  for (int run = 0; run < 3; ++run) {
    Storage<TestType> storage;
    Table table{storage.arena, storage.values, HashKey{1, 2}};
    for (std::size_t i = 0; i < kCount; ++i) {
      const double start = microseconds();
      REQUIRE(table.insert_or_assign(keys[i].bytes(), keys[i], value));
      times[i] = std::min(times[i], microseconds_since(start));
    }
  }
  std::sort(times.begin(), times.end());
  std::printf("2 M inserts: median %.2f us, p99.9 %.1f us, p99.99 %.1f us, worst ten:",
              times[kCount / 2], times[kCount - kCount / 1000], times[kCount - kCount / 10'000]);
  for (std::size_t i = kCount - 10; i < kCount; ++i) std::printf(" %.0f", times[i]);
  std::printf(" us\n");
}

TEST_CASE("storage: find, overwrite, scan and erase among 1 M entries", "[.bench]") {
  constexpr std::size_t kCount = 1'000'000;
  std::vector<Packed> keys = keys_of_16(kCount);
  Storage<HeapExtents> storage;
  auto table = std::make_unique<Table>(storage.arena, storage.values, HashKey{1, 2});
  REQUIRE(fill(*table, keys, text_of_size(64, 1)) == kCount);

  const auto measure = [&](const char* what, auto&& act) {
    std::size_t which = 0;
    const double start = microseconds();
    for (std::size_t i = 0; i < kCount; ++i) {
      which = (which + 618'033) % kCount;
      act(keys[which]);
    }
    std::printf("%-10s %.0f ns each\n", what, microseconds_since(start) * 1000 / kCount);
  };
  std::size_t sum = 0;
  measure("find", [&](const Packed& key) { sum += table->value(table->find(key.bytes())).size(); });
  const Packed same = text_of_size(64, 2);
  const Packed longer = text_of_size(100, 3);
  measure("overwrite", [&](const Packed& key) {
    sum += table->insert_or_assign(key.bytes(), key, same)->inserted;
  });
  measure("grow value", [&](const Packed& key) {
    sum += table->insert_or_assign(key.bytes(), key, longer)->inserted;
  });
  const double start = microseconds();
  table->each([&](Handle entry) { sum += table->value(entry).size(); });
  std::printf("%-10s %.0f ns each\n", "each", microseconds_since(start) * 1000 / kCount);
  measure("erase", [&](const Packed& key) { sum += table->erase(key.bytes()); });
  CHECK(table->size() == 0);
  CHECK(sum > 0);
}
