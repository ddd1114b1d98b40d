// SPDX-License-Identifier: MIT

#include "server/storage/values.hpp"

#include <memory>
#include <string>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/unit/server/storage/storage.hpp"

using namespace agora;
using namespace agora::test;

TEMPLATE_TEST_CASE("values: a stored value is a copy of any size", "[core][storage]", HeapExtents,
                   MemfdExtents) {
  Storage<TestType> storage;
  std::vector<std::pair<Handle, Packed>> stored;
  for (const std::size_t size : {0, 1, 100, 16'000, 17'000, 3'000'000}) {
    const Packed value = text_of_size(size, stored.size());
    stored.emplace_back(storage.values.store(value), value);
    REQUIRE(stored.back().first);
  }
  for (const auto& [handle, value] : stored) CHECK(storage.values.view(handle) == value.view());
  for (const auto& [handle, value] : stored) storage.values.drop(handle);
  CHECK(storage.arena.bytes_used() == 0);
}

TEST_CASE("values: a value knows whether it has references", "[core][storage]") {
  Storage<HeapExtents> storage;
  std::string list;
  Writer writer{list};
  writer.list(2);
  writer.text("x");
  writer.reference("jobs");
  CHECK(storage.values.has_references(storage.values.store(reference("jobs"))));
  CHECK(storage.values.has_references(storage.values.store(PackedView{list})));
  CHECK_FALSE(storage.values.has_references(storage.values.store(text("jobs"))));
}

TEST_CASE("values: a drop frees exactly the memory that the value took", "[core][storage]") {
  Storage<HeapExtents> storage;
  const Handle value = storage.values.store(text_of_size(1000, 1));
  CHECK(storage.values.bytes(value) == storage.arena.bytes_used());
  storage.values.drop(value);
  CHECK(storage.arena.bytes_used() == 0);
}

TEST_CASE("values: only those of at least blob_bytes_min can be pinned", "[core][storage]") {
  Storage<HeapExtents> storage;
  Values values{storage.arena, 100};
  CHECK(values.pin(values.store(Packed{std::string(100, '\x01')})).has_value());
  CHECK_FALSE(values.pin(values.store(Packed{std::string(99, '\x01')})).has_value());
}

TEST_CASE("values: a pinned one outlives its drop until the last pin goes", "[core][storage]") {
  Storage<HeapExtents> storage;
  const Packed value = text_of_size(50'000, 3);
  const Handle stored = storage.values.store(value);
  BlobRef first = *storage.values.pin(stored);
  BlobRef second = first;
  storage.values.drop(stored);

  // A value stored now must not reuse the pinned memory.
  const Handle other = storage.values.store(text_of_size(50'000, 4));
  CHECK(first.view() == value.view());
  first = BlobRef{};
  CHECK_FALSE(first);
  CHECK_FALSE(first.view().present());
  CHECK(second.view() == value.view());
  const BlobRef third = std::move(second);
  CHECK(third.view() == value.view());
  CHECK(storage.arena.bytes_used() == 2 * storage.values.bytes(other));
  second = third;
  CHECK(second);
}

TEST_CASE("values: pins that go before the drop free nothing, and nothing is freed twice",
          "[core][storage]") {
  Storage<HeapExtents> storage;
  const Handle stored = storage.values.store(text_of_size(50'000, 3));
  { const BlobRef pin = *storage.values.pin(stored); }
  CHECK(storage.values.view(stored) == text_of_size(50'000, 3).view());
  storage.values.drop(stored);
  CHECK(storage.arena.bytes_used() == 0);
}

TEST_CASE("values: a pin outlives the Values that made it", "[core][storage]") {
  HeapExtents extents;
  Arena arena{extents};
  auto values = std::make_unique<Values>(arena);
  const Packed value = text_of_size(20'000, 9);
  const Handle stored = values->store(value);
  {
    const BlobRef pin = *values->pin(stored);
    values->drop(stored);
    values.reset();
    CHECK(pin.view() == value.view());
  }
  CHECK(arena.bytes_used() == 0);
}

TEST_CASE("values: without memory a value is refused", "[core][storage]") {
  HeapExtents extents{std::size_t{1} << 20};
  Arena arena{extents};
  Values values{arena};
  CHECK_FALSE(values.store(text_of_size(2'000'000, 1)));
  CHECK(arena.bytes_used() == 0);
}
