// SPDX-License-Identifier: MIT

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <rapidcheck.h>

#include "server/storage/table.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/server/storage/storage.hpp"

using namespace agora;
using namespace agora::test;

namespace {

/// A scan in progress while the table changes.
struct Scan {
  std::optional<std::uint64_t> cursor = 0;
  std::unordered_map<std::string, std::uint64_t> due;  ///< keys there since its start, with numbers
  std::map<std::uint64_t, int> seen;
};

/// A table and its model of plain containers.
template <typename Extents>
class Modelled {
 public:
  void put(std::uint32_t seed) {
    const Packed key = key_from(seed);
    const Packed value = value_from(seed / 61);
    const std::string name = key_of(key);
    const auto placed = table_.insert_or_assign(name, key, value);
    RC_ASSERT(placed.has_value());
    const auto known = position_of(name);
    RC_ASSERT(placed->inserted == (known == order_.end()));
    RC_ASSERT(table_.find(name) == placed->entry);
    if (known == order_.end()) {
      order_.push_back({name, key, value, table_.sequence(placed->entry)});
    } else {
      known->value = value;
    }
  }

  void erase(std::uint32_t seed) {
    const std::string name = key_of(key_from(seed));
    const auto known = position_of(name);
    RC_ASSERT(table_.erase(name) == (known != order_.end()));
    RC_ASSERT(!table_.find(name));
    if (known != order_.end()) forget(known);
  }

  void pop_last() {
    RC_ASSERT(static_cast<bool>(table_.last()) == !order_.empty());
    if (order_.empty()) return;
    RC_ASSERT(table_.key(table_.last()) == order_.back().key.view());
    table_.erase(table_.last());
    forget(std::prev(order_.end()));
  }

  void pin(std::uint32_t seed) {
    const auto known = position_of(key_of(key_from(seed)));
    if (known == order_.end()) return;
    std::optional<BlobRef> pin = table_.pin(table_.find(known->name));
    RC_ASSERT(pin.has_value() == (known->value.bytes().size() >= 16'384));
    if (pin) pins_.emplace_back(std::move(*pin), known->value);
  }

  void unpin() {
    if (!pins_.empty()) pins_.erase(pins_.begin());
  }

  void start_scan() {
    Scan scan;
    for (const Known& known : order_) scan.due[known.name] = known.sequence;
    scans_.push_back(std::move(scan));
  }

  void go_on_with_scans(std::size_t count) {
    for (Scan& scan : scans_) {
      if (!scan.cursor) continue;
      scan.cursor = table_.scan(*scan.cursor, count,
                                [&](Handle entry) { ++scan.seen[table_.sequence(entry)]; });
    }
  }

  void check() {
    RC_ASSERT(table_.size() == order_.size());
    auto known = order_.begin();
    std::size_t bytes = 0;
    table_.each([&](Handle entry) {
      RC_ASSERT(table_.key(entry) == known->key.view());
      RC_ASSERT(table_.value(entry) == known->value.view());
      RC_ASSERT(table_.sequence(entry) == known->sequence);
      RC_ASSERT(table_.find(known->name) == entry);
      ++known;
      ++bytes;
    });
    RC_ASSERT(known == order_.end());
    for (const auto& [pin, value] : pins_) RC_ASSERT(pin.view() == value.view());
  }

  void finish() {
    for (int i = 0; i < 10'000; ++i) go_on_with_scans(7);
    for (const Scan& scan : scans_) {
      RC_ASSERT(!scan.cursor);
      for (const auto& [name, sequence] : scan.due) RC_ASSERT(scan.seen.count(sequence) == 1U);
      for (const auto& [sequence, times] : scan.seen) RC_ASSERT(times == 1);
    }
    pins_.clear();
    RC_ASSERT(storage_.arena.bytes_used() <= table_.bytes());
    while (table_.release_some(100) > 0) continue;
    RC_ASSERT(storage_.arena.bytes_used() == 0U);
  }

 private:
  struct Known {
    std::string name;
    Packed key;
    Packed value;
    std::uint64_t sequence;
  };

  /// Few keys, so that they repeat; numbers in both forms, texts, and long ones.
  static Packed key_from(std::uint32_t seed) {
    const auto number = static_cast<std::int64_t>(seed % 61 / 4);
    switch (seed % 4) {
      case 0:
        return integer(number);
      case 1:
        return real(static_cast<double>(number));
      case 2:
        return text("key " + std::to_string(number));
      default:
        return text_of_size(static_cast<std::size_t>(number * 300), seed % 61);
    }
  }
  static Packed value_from(std::uint32_t seed) {
    switch (seed % 5) {
      case 0:
        return integer(seed);
      case 1:
        return text_of_size(seed / 5 % 300, seed);
      case 2:
        return text_of_size(16'370 + seed / 5 % 20, seed);  // around the border of blobs
      default:
        return text_of_size(seed / 5 % 40'000, seed);
    }
  }

  typename std::vector<Known>::iterator position_of(const std::string& name) {
    return std::find_if(order_.begin(), order_.end(),
                        [&](const Known& known) { return known.name == name; });
  }
  void forget(typename std::vector<Known>::iterator known) {
    for (Scan& scan : scans_) {
      const auto due = scan.due.find(known->name);
      if (due != scan.due.end() && due->second == known->sequence) scan.due.erase(due);
    }
    order_.erase(known);
  }

  Storage<Extents> storage_;
  Table table_{storage_.arena, storage_.values, HashKey{1, 2}};
  std::vector<Known> order_;
  std::vector<std::pair<BlobRef, Packed>> pins_;
  std::vector<Scan> scans_;
};

template <typename Model>
void step(Model& model, std::uint8_t action, std::uint32_t seed) {
  switch (action % 16) {
    case 0:
      return model.start_scan();
    case 1:
    case 2:
      return model.go_on_with_scans(1 + seed % 5);
    case 3:
    case 4:
    case 5:
      return model.erase(seed);
    case 6:
      return model.pop_last();
    case 7:
      return model.pin(seed);
    case 8:
      return model.unpin();
    default:
      return model.put(seed);
  }
}

}  // namespace

TEMPLATE_TEST_CASE("table: equals a list of pairs, and its scans miss and repeat nothing",
                   "[core][storage]", HeapExtents, MemfdExtents) {
  using Step = std::pair<std::uint8_t, std::uint32_t>;
  CHECK(rc::check("after any changes", [](const std::vector<Step>& steps) {
    Modelled<TestType> model;
    std::uint32_t salt = 0;
    for (int round = 0; round < 20; ++round) {
      for (const auto& [action, seed] : steps) {
        step(model, action, (seed + ++salt) * 2654435761U >> 4);
      }
      model.check();
    }
    model.finish();
  }));
}

TEST_CASE("table: large, growing and shrinking, it equals an unordered_map", "[core][storage]") {
  Storage<HeapExtents> storage;
  Table table{storage.arena, storage.values, HashKey{3, 5}};
  std::unordered_map<std::int64_t, std::int64_t> model;
  std::uint64_t random = 12345;
  const auto next = [&random] {
    random = random * 6364136223846793005U + 1442695040888963407U;
    return random >> 33;
  };
  for (const auto& [steps, puts_of_16] : {std::pair{200'000, 14}, {300'000, 4}, {100'000, 9}}) {
    for (int i = 0; i < steps; ++i) {
      const auto number = static_cast<std::int64_t>(next() % 100'000);
      const std::string name = key_of(integer(number));
      if (next() % 16 < static_cast<std::uint64_t>(puts_of_16)) {
        model[number] = i;
        REQUIRE(table.insert_or_assign(name, integer(number), integer(i)));
      } else {
        REQUIRE(table.erase(name) == (model.erase(number) == 1));
      }
    }
    REQUIRE(table.size() == model.size());
    for (const auto& [number, value] : model) {
      const Handle entry = table.find(key_of(integer(number)));
      REQUIRE(entry);
      REQUIRE(table.value(entry) == integer(value).view());
    }
    std::uint64_t before = 0;
    table.each([&](Handle entry) {
      REQUIRE(table.sequence(entry) > before);
      before = table.sequence(entry);
    });
  }
}
