// SPDX-License-Identifier: MIT

#include "server/storage/table.hpp"

#include <string>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/unit/server/storage/storage.hpp"

using namespace agora;
using namespace agora::test;

namespace {

constexpr HashKey kSomeKey{17, 4711};

struct TableTest : Storage<HeapExtents> {
  Table table{arena, values, kSomeKey};

  Table::Assigned put(PackedView key, PackedView value) {
    auto placed = table.insert_or_assign(key_of(key), key, value);
    REQUIRE(placed);
    return *placed;
  }
  Handle find(PackedView key) const { return table.find(key_of(key)); }
  std::vector<Packed> keys() const {
    std::vector<Packed> all;
    table.each([&](Handle entry) { all.emplace_back(table.key(entry)); });
    return all;
  }
};

Packed list_of(std::initializer_list<Packed> elements) {
  std::string bytes;
  Writer writer{bytes};
  writer.list(static_cast<std::uint32_t>(elements.size()));
  for (const Packed& element : elements) writer.packed(element);
  return Packed{bytes};
}

}  // namespace

TEST_CASE_METHOD(TableTest, "table: empty, it has no entry and takes no memory",
                 "[core][storage]") {
  CHECK(table.size() == 0);
  CHECK_FALSE(table.find("x"));
  CHECK_FALSE(table.erase("x"));
  CHECK_FALSE(table.first());
  CHECK_FALSE(table.last());
  CHECK_FALSE(table.scan(0, 10, [](Handle) {}).has_value());
  CHECK(arena.bytes_used() == 0);
}

TEST_CASE_METHOD(TableTest,
                 "table: an entry is found by any form of its key and keeps the first one",
                 "[core][storage]") {
  const Packed keys[][2] = {{integer(1), real(1.0)},
                            {real(2.0), integer(2)},
                            {real(-0.0), real(0.0)},
                            {list_of({real(3.0), text("x")}), list_of({integer(3), text("x")})},
                            {real(0.5), real(0.5)}};
  for (const auto& [first, second] : keys) {
    CHECK(put(first, text("a")).inserted);
    CHECK_FALSE(put(second, text("b")).inserted);
    const Handle entry = find(second);
    REQUIRE(entry);
    CHECK(table.key(entry) == first.view());
    CHECK(table.value(entry) == text("b").view());
    CHECK(find(first) == entry);
  }
  CHECK(table.size() == 5);
  CHECK_FALSE(find(text("1")));
  CHECK(table.erase(key_of(real(1.0))));
  CHECK_FALSE(find(integer(1)));
}

TEST_CASE_METHOD(TableTest, "table: an overwritten entry keeps its place in the order",
                 "[core][storage]") {
  for (int i = 0; i < 5; ++i) put(integer(i), text("small"));
  const std::uint64_t sequence = table.sequence(find(integer(2)));
  for (const std::size_t size : {40, 16'000, 16'384, 200'000, 100, 3, 16'379, 0}) {
    const auto placed = put(integer(2), text_of_size(size, size));
    CHECK_FALSE(placed.inserted);
    CHECK(placed.entry == find(integer(2)));
    CHECK(table.value(placed.entry) == text_of_size(size, size).view());
    CHECK(table.sequence(placed.entry) == sequence);
  }
  CHECK(keys() == std::vector<Packed>{integer(0), integer(1), integer(2), integer(3), integer(4)});
}

TEST_CASE_METHOD(TableTest, "table: a new value may be a view of an old one", "[core][storage]") {
  put(integer(1), text_of_size(90, 1));
  put(integer(2), text_of_size(50'000, 2));
  const PackedView small = table.value(find(integer(1)));
  put(integer(1), PackedView{small.bytes().substr(10, 1)});
  CHECK(table.value(find(integer(1))).size() == 1);

  // A list's element replaces the list: source and target overlap by all but a byte.
  put(integer(4), list_of({text_of_size(90, 4)}));
  put(integer(4), PackedView{table.value(find(integer(4))).bytes().substr(1)});
  CHECK(table.value(find(integer(4))) == text_of_size(90, 4).view());

  put(integer(2), table.value(find(integer(2))));
  CHECK(table.value(find(integer(2))) == text_of_size(50'000, 2).view());
  put(integer(1), table.value(find(integer(2))));
  put(integer(3), table.value(find(integer(1))));
  CHECK(table.value(find(integer(3))) == text_of_size(50'000, 2).view());
  put(text("k"), table.key(find(integer(2))));
  put(integer(2), table.value(find(text("k"))));
  CHECK(table.value(find(integer(2))) == integer(2).view());
}

TEST_CASE_METHOD(TableTest, "table: an entry may have no value, as in a set", "[core][storage]") {
  CHECK(put(text("member"), PackedView{}).inserted);
  CHECK_FALSE(put(text("member"), PackedView{}).inserted);
  CHECK_FALSE(table.value(find(text("member"))).present());
  CHECK(arena.bytes_used() == 32 + 32 + 32);
}

TEST_CASE_METHOD(TableTest, "table: a pinned value outlives overwriting, erasing and the table",
                 "[core][storage]") {
  put(integer(1), text_of_size(20'000, 1));
  put(integer(2), text_of_size(20'000, 2));
  put(integer(3), text("small"));
  CHECK_FALSE(table.pin(find(integer(3))).has_value());
  const std::optional<BlobRef> overwritten = table.pin(find(integer(1)));
  const std::optional<BlobRef> erased = table.pin(find(integer(2)));
  REQUIRE(overwritten);
  REQUIRE(erased);

  put(integer(1), text_of_size(20'000, 7));
  table.erase(find(integer(2)));
  put(integer(2), text_of_size(20'000, 8));
  CHECK(overwritten->view() == text_of_size(20'000, 1).view());
  CHECK(erased->view() == text_of_size(20'000, 2).view());

  const std::optional<BlobRef> last = table.pin(find(integer(1)));
  table = Table{arena, values, kSomeKey};
  CHECK(last->view() == text_of_size(20'000, 7).view());
  CHECK(overwritten->view() == text_of_size(20'000, 1).view());
}

TEST_CASE_METHOD(TableTest, "table: an entry knows about references in its key and its value",
                 "[core][storage]") {
  CHECK_FALSE(table.has_references(put(integer(1), text("x")).entry));
  CHECK(table.has_references(put(integer(1), reference("jobs")).entry));
  CHECK_FALSE(table.has_references(put(integer(1), text("y")).entry));
  CHECK(table.has_references(put(integer(1), list_of({text("z"), reference("a")})).entry));
  CHECK(table.has_references(put(reference("key"), text("x")).entry));
  CHECK(table.has_references(put(reference("key"), text("longer than before, by far")).entry));

  const Packed large = list_of({text_of_size(20'000, 1), reference("a")});
  CHECK(table.has_references(put(integer(2), large).entry));
}

TEST_CASE_METHOD(TableTest, "table: sequence numbers are never reused", "[core][storage]") {
  put(integer(1), integer(1));
  put(integer(2), integer(2));
  table.erase(table.last());
  CHECK(table.sequence(put(integer(3), integer(3)).entry) == 3);
  put(integer(3), integer(4));
  CHECK(table.sequence(find(integer(3))) == 3);
  CHECK(table.next_sequence() == 4);
}

TEST_CASE_METHOD(TableTest, "table: a loaded one continues with the saved numbers",
                 "[core][storage]") {
  for (const std::uint64_t sequence : {5, 6, 100}) {
    const Packed key = integer(static_cast<std::int64_t>(sequence));
    const auto entry = table.load(sequence, key_of(key), key, text("v"));
    REQUIRE(entry);
    CHECK(table.sequence(*entry) == sequence);
  }
  CHECK(table.next_sequence() == 101);
  table.continue_from(50);
  CHECK(table.next_sequence() == 101);
  table.continue_from(500);
  CHECK(table.sequence(put(text("new"), text("v")).entry) == 500);

  std::vector<std::uint64_t> seen;
  const auto next = table.scan(6, 2, [&](Handle entry) { seen.push_back(table.sequence(entry)); });
  CHECK(seen == std::vector<std::uint64_t>{6, 100});
  CHECK(next == 500U);
}

TEST_CASE_METHOD(TableTest, "table: a move takes everything and leaves the source empty",
                 "[core][storage]") {
  for (int i = 0; i < 5000; ++i) put(integer(i), text_of_size(30, 1));
  const std::size_t bytes = table.bytes();
  Table moved{std::move(table)};
  CHECK(moved.size() == 5000);
  CHECK(moved.bytes() == bytes);
  CHECK(moved.find(key_of(integer(77))));
  CHECK(table.size() == 0);  // NOLINT: that is what is tested
  CHECK_FALSE(find(integer(77)));
  CHECK(put(integer(77), integer(1)).inserted);
}

TEST_CASE_METHOD(TableTest, "table: is released incrementally", "[core][storage]") {
  for (int i = 0; i < 10'000; ++i) put(integer(i), text_of_size(i % 1000 == 0 ? 20'000 : 20, 1));
  std::size_t left = table.size();
  int slices = 0;
  while (left > 0) {
    const std::size_t before = table.size();
    left = table.release_some(300);
    CHECK(before - table.size() <= 300);
    ++slices;
  }
  CHECK(slices == 34);
  CHECK(table.size() == 0);
  CHECK(arena.bytes_used() == 0);
}

TEST_CASE_METHOD(TableTest, "table: buckets shrink with the entries", "[core][storage]") {
  for (int i = 0; i < 50'000; ++i) put(integer(i), integer(1));
  for (int i = 0; i < 49'990; ++i) table.erase(find(integer(i)));
  CHECK(arena.bytes_used() < 10 * 32 + 4096 + 4096);
  for (int i = 49'990; i < 50'000; ++i) CHECK(find(integer(i)));
}

TEST_CASE(
    "table: in a full arena an insert fails, changes nothing, and succeeds once there is "
    "memory",
    "[core][storage]") {
  HeapExtents extents{std::size_t{1} << 20};
  Arena arena{extents};
  Values values{arena};
  Table table{arena, values, kSomeKey};
  std::int64_t count = 0;
  for (;; ++count) {
    const auto placed =
        table.insert_or_assign(key_of(integer(count)), integer(count),
                               text_of_size(static_cast<std::size_t>(count % 200), 1));
    if (placed) continue;
    CHECK(placed.error().code == Errc::out_of_memory);
    break;
  }
  REQUIRE(count > 1000);
  const std::size_t used = arena.bytes_used();
  const auto refused = [&](PackedView key, PackedView value) {
    return !table.insert_or_assign(key_of(key), key, value);
  };
  CHECK(refused(integer(count), text_of_size(20'000, 1)));
  CHECK(refused(integer(5), text_of_size(20'000, 1)));
  CHECK(refused(integer(5), text_of_size(10'000, 1)));
  CHECK(arena.bytes_used() == used);
  CHECK(table.size() == static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    const Handle entry = table.find(key_of(integer(i)));
    REQUIRE(entry);
    REQUIRE(table.value(entry) == text_of_size(static_cast<std::size_t>(i % 200), 1).view());
  }
  for (std::int64_t i = 0; i < count; i += 2) CHECK(table.erase(key_of(integer(i))));
  CHECK_FALSE(refused(integer(0), text_of_size(100, 1)));
}
