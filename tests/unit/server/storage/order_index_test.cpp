// SPDX-License-Identifier: MIT

#include "server/storage/order_index.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <vector>

#include <rapidcheck.h>

#include "server/storage/heap_extents.hpp"
#include "tests/support/catch.hpp"

using namespace agora;

namespace {

/// An index and its model, a sorted map.
class IndexedEntries {
 public:
  void append(std::uint64_t gap) {
    next_ += gap;
    const Handle entry = make(next_);
    REQUIRE(index_.append(entry));
    model_[next_++] = entry;
  }
  /// Inserts an entry into a gap, if there is one behind that position.
  void insert(std::map<std::uint64_t, Handle>::iterator which) {
    const std::uint64_t sequence = which->first + 1;
    if (model_.contains(sequence)) return;
    const Handle entry = make(sequence);
    REQUIRE(index_.insert(entry));
    model_[sequence] = entry;
    next_ = std::max(next_, sequence + 1);
  }
  void erase(std::map<std::uint64_t, Handle>::iterator which) {
    index_.erase(which->first);
    arena_.free(which->second, sizeof(Entry));
    model_.erase(which);
  }
  void replace(std::map<std::uint64_t, Handle>::iterator which) {
    const Handle entry = make(which->first);
    index_.replace(which->first, entry);
    arena_.free(which->second, sizeof(Entry));
    which->second = entry;
  }
  void pop_last() {
    index_.pop_last();
    arena_.free(model_.rbegin()->second, sizeof(Entry));
    model_.erase(std::prev(model_.end()));
  }
  std::map<std::uint64_t, Handle>::iterator pick(std::size_t which) {
    return std::next(model_.begin(), static_cast<std::ptrdiff_t>(which % model_.size()));
  }

  bool agrees() const {
    OrderIndex::Position position;
    for (const auto& [sequence, entry] : model_) {
      if (index_.at(position) != entry || sequence_at(index_.lower_bound(sequence)) != sequence) {
        return false;
      }
      position = index_.next(position);
    }
    const bool ends = model_.empty() ? !index_.first() && !index_.last()
                                     : index_.first() == model_.begin()->second &&
                                           index_.last() == model_.rbegin()->second;
    return ends && !index_.at(position) && index_.size() == model_.size();
  }
  bool agrees_about(std::uint64_t sequence) const {
    const auto found = model_.lower_bound(sequence);
    const Handle entry = index_.at(index_.lower_bound(sequence));
    return entry == (found == model_.end() ? Handle{} : found->second);
  }

  const std::map<std::uint64_t, Handle>& model() const { return model_; }
  std::uint64_t next() const { return next_; }
  std::size_t bytes() const { return index_.bytes(); }
  /// Checks that the arena holds nothing but the entries and the index.
  std::size_t bytes_of_index() const {
    return arena_.bytes_used() - model_.size() * Arena::rounded(sizeof(Entry));
  }

 private:
  Handle make(std::uint64_t sequence) {
    const Handle entry = arena_.allocate(sizeof(Entry));
    arena_.as<Entry>(entry) = {};
    arena_.as<Entry>(entry).sequence = sequence;
    return entry;
  }
  std::uint64_t sequence_at(OrderIndex::Position position) const {
    const Handle entry = index_.at(position);
    return entry ? arena_.as<Entry>(entry).sequence : 0;
  }

  HeapExtents extents_;
  Arena arena_{extents_};
  OrderIndex index_{arena_};
  std::map<std::uint64_t, Handle> model_;
  std::uint64_t next_ = 1;
};

}  // namespace

TEST_CASE("order index: equals a sorted map after any changes", "[core][storage]") {
  using Step = std::pair<std::uint8_t, std::uint16_t>;
  CHECK(rc::check("appended, inserted, erased, replaced", [](const std::vector<Step>& steps) {
    IndexedEntries entries;
    for (const auto& [action, seed] : steps) {
      if (action % 8 < 3) {
        for (int i = 0; i < seed % 900; ++i) entries.append(seed % 5 == 0 ? seed % 7U : 0U);
      } else if (action % 8 < 6) {
        for (std::size_t i = 0; i < seed % 700U && !entries.model().empty(); ++i) {
          entries.erase(entries.pick(action % 8 == 3 ? 0 : seed * i * 7919));
        }
      } else if (!entries.model().empty()) {
        action % 8 == 6 ? entries.pop_last() : entries.replace(entries.pick(seed));
        if (action % 16 < 8) continue;
        for (std::size_t i = 0; i < seed % 900U && !entries.model().empty(); ++i) {
          entries.insert(entries.pick(seed * i * 7919));
        }
      }
      RC_ASSERT(entries.agrees_about(seed));
    }
    RC_ASSERT(entries.agrees());
    for (std::uint64_t n = 0; n < entries.next() + 2; n += 3) RC_ASSERT(entries.agrees_about(n));
  }));
}

TEST_CASE("order index: costs little more than 4 bytes an entry", "[core][storage]") {
  IndexedEntries entries;
  for (int i = 0; i < 100'000; ++i) entries.append(0);
  CHECK(entries.bytes() < 420'000);
  CHECK(entries.bytes_of_index() <= entries.bytes());
}

TEST_CASE("order index: is small with few entries", "[core][storage]") {
  IndexedEntries entries;
  for (int i = 0; i < 3; ++i) entries.append(0);
  CHECK(entries.bytes_of_index() == 32);
}

TEST_CASE("order index: sparse chunks are merged", "[core][storage]") {
  IndexedEntries entries;
  for (int i = 0; i < 51'200; ++i) entries.append(0);
  for (auto which = entries.pick(0); which != entries.model().end();) {
    const auto next = std::next(which);
    if (which->first % 20 != 0) entries.erase(which);
    which = next;
  }
  CHECK(entries.agrees());
  // A chunk uses at least 128 of 512 slots on average; unmerged it would be 26.
  CHECK(entries.bytes_of_index() <= entries.model().size() * 4 * 4 + 2048);
}

TEST_CASE("order index: emptied, it frees all its chunks and starts afresh", "[core][storage]") {
  IndexedEntries entries;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 2000; ++i) entries.append(1);
    while (!entries.model().empty()) entries.erase(entries.pick(0));
    CHECK(entries.bytes_of_index() == 0);
    CHECK(entries.agrees());
  }
}
