// SPDX-License-Identifier: MIT

// A list of values and its concurrent readers, beside a writer that never rests and on memory with
// arbitrary content.

#include <atomic>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "server/storage/handle_deque.hpp"
#include "shared/value/msgpack_reader.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/server/storage/concurrent_reader.hpp"
#include "tests/unit/server/storage/storage.hpp"

using namespace agora;
using namespace agora::test;
using shm::ReadResult;

namespace {

constexpr std::uint64_t kSomeObject = 99;

/// Numbers that rise by one from element to element, while elements are added and removed at both
/// ends, alone or many at once, and are rewritten inside.
class Rising : public Storage<MemfdExtents> {
 public:
  explicit Rising(std::uint32_t seed) : random_(seed) {
    for (int i = 0; i < 1000; ++i) append();
    list.publish(cells.at(cell));
    client.learn();
  }
  ~Rising() { drop(0, list.size()); }

  void step() {
    client.learn();
    switch (random_() % 8) {
      case 0:
        return prepend();
      case 1:
        return drop(list.size() - 1, 1);
      case 2:
        return rewrite(random_() % list.size());
      case 3:
        if (list.size() > 3000) return drop(0, 2000);
        return append_many();
      case 4:
        return drop(0, 1);
      default:
        append();
    }
  }

  HandleDeque list{arena};
  Cells cells{arena};
  Handle cell = cells.take(ObjectId{kSomeObject});
  SecondMapping client{extents};

 private:
  /// Returns the number twice, with a filler between that is sometimes long.
  Handle make(std::int64_t number) {
    std::string bytes;
    agora::Writer out{bytes};
    out.list(3);
    out.integer(number);
    out.text(std::string(random_() % 50 == 0 ? 20'000 : random_() % 60, 'x'));
    out.integer(number);
    const Handle made = values.store(PackedView{bytes});
    if (!made) std::abort();
    return made;
  }
  void insert(std::size_t place, Handle handle) {
    if (!list.insert(place, {&handle, 1})) std::abort();
  }
  void append() { insert(list.size(), make(first_ + static_cast<std::int64_t>(list.size()))); }
  void append_many() {
    std::vector<Handle> made;
    const auto next = first_ + static_cast<std::int64_t>(list.size());
    for (int i = 0; i < 300; ++i) made.push_back(make(next + i));
    if (!list.insert(list.size(), made)) std::abort();
  }
  void prepend() { insert(0, make(--first_)); }
  void drop(std::size_t place, std::size_t count) {
    std::vector<Handle> gone;
    for (std::size_t i = 0; i < count; ++i) gone.push_back(list[place + i]);
    list.erase(place, count);
    if (place == 0) first_ += static_cast<std::int64_t>(count);
    for (const Handle handle : gone) values.drop(handle);
  }
  void rewrite(std::size_t place) {
    values.drop(list.exchange(place, make(first_ + static_cast<std::int64_t>(place))));
  }

  std::mt19937 random_;
  std::int64_t first_ = 0;
};

/// Returns the number of an element; nullopt if the element is torn.
std::optional<std::int64_t> number_of(const std::string& packed) {
  agora::Reader reader{std::string_view{packed}};
  Token list, first, text, last;
  for (Token* token : {&list, &first, &text, &last}) {
    if (reader.next(*token) != agora::Reader::Status::ok) return std::nullopt;
  }
  if (list.count != 3 || first.integer != last.integer || !reader.at_end()) return std::nullopt;
  return first.integer;
}

}  // namespace

TEST_CASE("list readers: concurrent with a writer, an element is whole and at its index",
          "[core][storage][shm]") {
  const std::uint32_t seed = std::random_device{}();
  CAPTURE(seed);
  Rising server{seed};
  std::atomic<bool> done{false};
  Breather breather{done};
  std::uint64_t torn = 0;
  std::uint64_t misplaced = 0;
  std::uint64_t found = 0;
  std::thread reader{[&] {
    std::mt19937 random{seed + 1};
    const shm::Cell& cell = server.client.cell(server.cell);
    for (int i = 0; i < 150'000; ++i) {
      const auto index = static_cast<std::int64_t>(random() % 4000) - 2000;
      // Two elements in one read: their numbers differ as their indices do.
      std::string a;
      std::string b;
      const ReadResult result = shm::read_consistent(cell, kSomeObject, [&] {
        const auto shape = shm::ListShape::of(cell.shape.load(std::memory_order_relaxed));
        std::string_view value;
        if (cell.size.load(std::memory_order_relaxed) < 11) return ReadResult::not_found;
        for (const auto& [place, own] : {std::pair{0U, &a}, {10U, &b}}) {
          const ReadResult one = shm::find_element(server.client.pages(), shape, place, value);
          if (one != ReadResult::found) return one;
          shm::copy_racing(value, *own);
        }
        return ReadResult::found;
      });
      if (result == ReadResult::found) {
        const auto first = number_of(a);
        const auto second = number_of(b);
        if (!first || !second) {
          ++torn;
        } else if (*second - *first != 10) {
          ++misplaced;
        }
      }
      const Seen seen = try_at(server.client, cell, kSomeObject, index);
      if (seen.result != ReadResult::found) continue;
      ++found, breather.found();
      if (!number_of(seen.value)) ++torn;
    }
    done = true;
  }};
  while (!done.load()) server.step(), breather.between();
  reader.join();
  CHECK(torn == 0);
  CHECK(misplaced == 0);
  CHECK(found > 0);
}

TEST_CASE("list readers: see every element after every change", "[core][storage][shm]") {
  CHECK(rc::check("at either end and inside", [](std::uint32_t seed) {
    Rising server{seed};
    for (int i = 0; i < 20; ++i) {
      const shm::Cell& published = server.cells.at(server.cell);
      const std::uint64_t before = published.sequence;
      server.step();
      RC_ASSERT(published.sequence > before);
      server.client.learn();
      check_list_seen(server.list, server.values, server.client, server.client.cell(server.cell),
                      kSomeObject);
    }
  }));
}

TEST_CASE("list readers: terminate on memory with any content", "[core][storage][shm]") {
  const std::uint32_t seed = std::random_device{}();
  CAPTURE(seed);
  Rising server{seed};
  for (int i = 0; i < 3000; ++i) server.step();
  std::mt19937 random{seed};
  for (int round = 0; round < 60; ++round) {
    const DamagedCopy copy{server.extents, random, round};
    shm::Cell cell{};
    const shm::Cell& real = server.cells.at(server.cell);
    cell.object = kSomeObject;
    cell.size = round % 3 == 0 ? std::uint64_t{random()} << random() % 32 : real.size.load();
    cell.shape = round % 2 == 0 ? real.shape.load() : std::uint64_t{random()} << 32 | random();
    std::string value;
    for (std::int64_t index = -3000; index < 3000; ++index) {
      const auto take = [&](std::string_view bytes) { shm::copy_racing(bytes, value); };
      const ReadResult result = shm::at(copy.pages, cell, kSomeObject, index, take);
      CHECK(result != ReadResult::contended);
      CHECK(value.size() <= shm::kReadableBytesMax);
    }
  }
}
