// SPDX-License-Identifier: MIT

#include "server/storage/buckets.hpp"

#include <rapidcheck.h>

#include "server/storage/heap_extents.hpp"
#include "tests/support/catch.hpp"

using namespace agora;

TEST_CASE("buckets: a new bucket takes hashes of its partner only", "[core][storage]") {
  HeapExtents extents;
  Arena arena{extents};
  Buckets buckets{arena};
  REQUIRE(buckets.add());
  std::vector<std::uint32_t> hashes;
  for (std::uint32_t i = 0; i < 300; ++i) hashes.push_back(i * 2654435761U);
  for (std::uint32_t count = 2; count < 3000; ++count) {
    std::vector<std::uint32_t> before;
    for (const std::uint32_t hash : hashes) before.push_back(buckets.index_of(hash));
    REQUIRE(buckets.add());
    for (std::size_t i = 0; i < hashes.size(); ++i) {
      const std::uint32_t now = buckets.index_of(hashes[i]);
      REQUIRE(now < count);
      if (now != before[i]) {
        REQUIRE(now == count - 1);
        REQUIRE(before[i] == Buckets::partner(count - 1));
      }
    }
  }
}

TEST_CASE("buckets: heads keep their content while buckets are added and removed",
          "[core][storage]") {
  CHECK(rc::check("as a vector", [](const std::vector<std::int16_t>& steps) {
    HeapExtents extents;
    Arena arena{extents};
    {
      Buckets buckets{arena};
      std::vector<std::uint32_t> model;
      for (const std::int16_t step : steps) {
        for (int i = 0; i < step % 4000; ++i) {
          RC_ASSERT(buckets.add());
          RC_ASSERT(buckets.head(buckets.count() - 1) == 0U);
          model.push_back(static_cast<std::uint32_t>(i + step));
          buckets.head(buckets.count() - 1) = model.back();
        }
        for (int i = step % 4000; i < 0 && !model.empty(); ++i) {
          buckets.remove_last();
          model.pop_back();
        }
        RC_ASSERT(buckets.count() == model.size());
        for (std::uint32_t i = 0; i < model.size(); ++i) RC_ASSERT(buckets.head(i) == model[i]);
      }
      RC_ASSERT(arena.bytes_used() <= buckets.bytes());
    }
    RC_ASSERT(arena.bytes_used() == 0U);
  }));
}

TEST_CASE("buckets: few take little memory, and many about 4 bytes each", "[core][storage]") {
  HeapExtents extents;
  Arena arena{extents};
  Buckets buckets{arena};
  REQUIRE(buckets.add());
  CHECK(arena.bytes_used() == 32);
  while (buckets.count() < 10'000) REQUIRE(buckets.add());
  CHECK(arena.bytes_used() == 10 * 4096 + 64);  // a directory with room for 16 segments
}

TEST_CASE("buckets: segments can be dropped one by one", "[core][storage]") {
  HeapExtents extents;
  Arena arena{extents};
  Buckets buckets{arena};
  while (buckets.count() < 2500) REQUIRE(buckets.add());
  CHECK(buckets.segments() == 3);
  buckets.drop_segment();
  CHECK(buckets.count() == 2048);
  buckets.drop_segment();
  buckets.drop_segment();
  CHECK(buckets.count() == 0);
  CHECK(arena.bytes_used() == 0);
  CHECK(buckets.add());
}
