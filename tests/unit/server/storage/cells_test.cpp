// SPDX-License-Identifier: MIT

#include "server/storage/cells.hpp"

#include <cstdint>
#include <set>
#include <vector>

#include "server/storage/heap_extents.hpp"
#include "tests/support/catch.hpp"

using namespace agora;

TEST_CASE("cells: each lies on a cache line of its own", "[core][storage]") {
  HeapExtents extents;
  Arena arena{extents};
  REQUIRE(arena.allocate(16));  // what follows begins anywhere
  Cells cells{arena};
  std::set<std::uint32_t> places;
  for (std::uint64_t id = 1; id <= 200; ++id) {
    const Handle cell = cells.take(ObjectId{id});
    REQUIRE(cell);
    CHECK(places.insert(cell.unit).second);
    CHECK(reinterpret_cast<std::uintptr_t>(&cells.at(cell)) % 64 == 0);
    CHECK(cells.at(cell).object == id);
    CHECK(cells.at(cell).sequence % 2 == 1);
  }
  for (auto it = places.begin(); std::next(it) != places.end(); ++it)
    CHECK(*std::next(it) - *it >= 4);
}

TEST_CASE("cells: a freed cell belongs to no object, and its sequence continues",
          "[core][storage]") {
  HeapExtents extents;
  Arena arena{extents};
  Cells cells{arena};
  const Handle cell = cells.take(ObjectId{7});
  cells.at(cell).shape = 5;
  shm::end_write(cells.at(cell));
  const std::uint64_t before = cells.at(cell).sequence;
  const std::size_t used = arena.bytes_used();
  cells.free(cell);
  CHECK(cells.at(cell).object == 0U);
  CHECK(cells.at(cell).sequence > before);
  CHECK(cells.at(cell).sequence % 2 == 0);
  CHECK(cells.take(ObjectId{8}) == cell);
  CHECK(cells.at(cell).shape == 0U);
  CHECK(cells.at(cell).sequence > before + 2);
  CHECK(arena.bytes_used() == used);
}

TEST_CASE("cells: without memory none is allocated", "[core][storage]") {
  HeapExtents extents{std::size_t{1} << 20};
  Arena arena{extents};
  Cells cells{arena};
  while (arena.allocate(4096)) continue;
  CHECK_FALSE(cells.take(ObjectId{1}));
}
