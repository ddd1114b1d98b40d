// SPDX-License-Identifier: MIT

#include "server/storage/arena.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include <rapidcheck.h>

#include "server/storage/heap_extents.hpp"
#include "shared/shm/memfd_extents.hpp"
#include "tests/support/catch.hpp"

using namespace agora;

namespace {

constexpr std::size_t kMib = std::size_t{1} << 20;

/// Blocks with a pattern in each byte, which detects a write outside of a block.
class PatternedBlocks {
 public:
  explicit PatternedBlocks(Arena& arena) : arena_(arena) {}

  void allocate(std::size_t bytes) {
    const Handle block = arena_.allocate(bytes);
    RC_ASSERT(static_cast<bool>(block));
    RC_ASSERT(reinterpret_cast<std::uintptr_t>(arena_.at(block)) % 16 == 0);
    blocks_.push_back({block, bytes, ++pattern_});
    fill(blocks_.back());
  }
  void free(std::size_t which) {
    if (blocks_.empty()) return;
    std::swap(blocks_[which % blocks_.size()], blocks_.back());
    check(blocks_.back(), blocks_.back().bytes);
    arena_.free(blocks_.back().handle, blocks_.back().bytes);
    blocks_.pop_back();
  }
  void resize(std::size_t which, std::size_t bytes) {
    if (blocks_.empty()) return;
    Block& block = blocks_[which % blocks_.size()];
    if (!arena_.resize(block.handle, block.bytes, bytes)) {
      RC_ASSERT(bytes > block.bytes);
      return;
    }
    check(block, std::min(bytes, block.bytes));
    block.bytes = bytes;
    fill(block);
  }
  void check_all() const {
    std::size_t sum = 0;
    std::map<std::uint32_t, std::size_t> units;
    for (const Block& block : blocks_) {
      check(block, block.bytes);
      sum += Arena::rounded(block.bytes);
      units[block.handle.unit] = Arena::rounded(block.bytes) / Arena::kUnitBytes;
    }
    RC_ASSERT(arena_.bytes_used() == sum);
    std::size_t end = 0;
    for (const auto& [unit, count] : units) {
      RC_ASSERT(unit >= end);
      end = unit + count;
    }
  }
  bool empty() const { return blocks_.empty(); }

 private:
  struct Block {
    Handle handle;
    std::size_t bytes;
    std::uint8_t pattern;
  };
  void fill(const Block& block) {
    std::memset(arena_.at(block.handle), block.pattern, block.bytes);
  }
  void check(const Block& block, std::size_t bytes) const {
    const std::byte* begin = arena_.at(block.handle);
    const auto pattern = static_cast<std::byte>(block.pattern);
    RC_ASSERT(std::all_of(begin, begin + bytes, [&](std::byte b) { return b == pattern; }));
  }

  Arena& arena_;
  std::vector<Block> blocks_;
  std::uint8_t pattern_ = 0;
};

/// Returns mostly sizes of entries, some of blobs, few of whole extents.
std::size_t size_from(std::uint32_t seed) {
  switch (seed % 16) {
    case 0:
      return 1 + seed / 16 % (2 * kMib);
    case 1:
    case 2:
    case 3:
      return 1 + seed / 16 % 40'000;
    default:
      return 1 + seed / 16 % 300;
  }
}

}  // namespace

TEMPLATE_TEST_CASE("arena: blocks never overlap and keep their bytes through any frees and resizes",
                   "[core][storage]", HeapExtents, MemfdExtents) {
  using Step = std::pair<std::uint8_t, std::uint32_t>;
  CHECK(rc::check("patterns stay", [](const std::vector<Step>& seeds) {
    TestType extents;
    Arena arena{extents};
    PatternedBlocks blocks{arena};
    std::uint32_t salt = 0;
    for (int round = 0; round < 10; ++round) {
      for (const auto& [action, seed] : seeds) {
        const std::uint32_t mixed = (seed + ++salt) * 2654435761U;
        if (action % 4 < 2) blocks.allocate(size_from(mixed));
        if (action % 4 == 2) blocks.free(mixed);
        if (action % 4 == 3) blocks.resize(mixed, size_from(mixed / 3));
      }
      blocks.check_all();
    }
    while (!blocks.empty()) blocks.free(salt++ * 2654435761U);
    RC_ASSERT(arena.bytes_used() == 0U);
  }));
}

TEST_CASE("arena: reserves nothing before its first block", "[core][storage]") {
  HeapExtents extents;
  Arena arena{extents};
  CHECK(arena.bytes_reserved() == 0);
  CHECK(arena.allocate(1));
  CHECK(arena.bytes_reserved() == kMib);
  CHECK(arena.bytes_used() == 16);
}

TEST_CASE("arena: a block takes whole units and no more: 112 bytes stay 112", "[core][storage]") {
  HeapExtents extents;
  Arena arena{extents};
  const Handle first = arena.allocate(112);
  const Handle second = arena.allocate(112);
  CHECK(arena.bytes_used() == 224);
  CHECK(second.unit == first.unit + 7);
}

TEST_CASE("arena: extents double from 1 MiB to 64 MiB", "[core][storage]") {
  HeapExtents extents;
  Arena arena{extents};
  std::vector<std::size_t> reserved;
  while (arena.bytes_reserved() < 250 * kMib) {
    REQUIRE(arena.allocate(kMib / 2));
    if (reserved.empty() || reserved.back() != arena.bytes_reserved()) {
      reserved.push_back(arena.bytes_reserved());
    }
  }
  CHECK(reserved == std::vector<std::size_t>{1 * kMib, 3 * kMib, 7 * kMib, 15 * kMib, 31 * kMib,
                                             63 * kMib, 127 * kMib, 191 * kMib, 255 * kMib});
}

TEST_CASE("arena: a block over several MiB is contiguous", "[core][storage]") {
  HeapExtents extents;
  Arena arena{extents};
  const Handle small = arena.allocate(16);
  const Handle large = arena.allocate(100 * kMib);
  REQUIRE(large);
  std::memset(arena.at(large), 7, 100 * kMib);
  CHECK(arena.at(Handle{large.unit + 99 * 65536}) == arena.at(large) + 99 * kMib);
  arena.free(large, 100 * kMib);
  arena.free(small, 16);
  CHECK(arena.bytes_used() == 0);
}

TEST_CASE("arena: 4 MiB set and deleted repeatedly does not grow without bound",
          "[core][storage]") {
  HeapExtents extents;
  Arena arena{extents};
  std::vector<std::pair<Handle, std::size_t>> kept;
  Handle before = arena.allocate(4 * kMib);
  std::size_t bytes_before = 4 * kMib;
  std::size_t reserved_early = 0;
  for (std::size_t round = 1; round < 20'000; ++round) {
    // As in a dict, the new value is stored before the old one is freed; small ones lie between.
    const std::size_t bytes = 4 * kMib + round * 37 % 5000;
    const Handle now = arena.allocate(bytes);
    REQUIRE(now);
    if (round % 10 == 0) kept.emplace_back(arena.allocate(100), 100);
    arena.free(before, bytes_before);
    before = now;
    bytes_before = bytes;
    if (round == 100) reserved_early = arena.bytes_reserved();
  }
  CHECK(arena.bytes_reserved() == reserved_early);
  CHECK(reserved_early <= 40 * kMib);
}

TEST_CASE("arena: freed small blocks coalesce and serve large ones", "[core][storage]") {
  HeapExtents extents;
  Arena arena{extents};
  std::vector<Handle> small;
  for (int i = 0; i < 100'000; ++i) small.push_back(arena.allocate(112));
  const std::size_t reserved = arena.bytes_reserved();
  for (std::size_t i = 0; i < small.size(); i += 2) arena.free(small[i], 112);
  for (std::size_t i = 1; i < small.size(); i += 2) arena.free(small[i], 112);
  CHECK(arena.bytes_used() == 0);
  for (int i = 0; i < 5; ++i) CHECK(arena.allocate(kMib));
  CHECK(arena.bytes_reserved() == reserved);
}

TEST_CASE("arena: a block grows in place if the units behind it are free", "[core][storage]") {
  HeapExtents extents;
  Arena arena{extents};
  const Handle block = arena.allocate(100);
  const Handle behind = arena.allocate(100);
  CHECK(arena.resize(block, 100, 112));
  CHECK_FALSE(arena.resize(block, 112, 113));
  arena.free(behind, 100);
  CHECK(arena.resize(block, 112, 5000));
  CHECK(arena.bytes_used() == Arena::rounded(5000));
  CHECK(arena.resize(block, 5000, 10));
  CHECK(arena.bytes_used() == 16);
}

TEST_CASE("arena: without extents an allocation fails and nothing changes", "[core][storage]") {
  HeapExtents extents{2 * kMib};
  Arena arena{extents};
  const Handle block = arena.allocate(kMib / 2);
  CHECK(block);
  CHECK_FALSE(arena.allocate(3 * kMib));
  CHECK_FALSE(arena.allocate(std::size_t{1} << 40));
  CHECK(arena.bytes_used() == kMib / 2);
  // The doubled extent of 2 MiB is over the bound; half of it is allocated instead.
  CHECK(arena.allocate(kMib / 2 + 1000));
  CHECK(arena.bytes_reserved() == 2 * kMib);
  CHECK_FALSE(arena.allocate(kMib / 2));
  arena.free(block, kMib / 2);
  CHECK(arena.allocate(kMib / 2));
}
