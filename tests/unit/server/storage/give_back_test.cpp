// SPDX-License-Identifier: MIT

// Memory that an arena or words give back to the system.

#include <cstring>
#include <map>
#include <memory>
#include <vector>

#include "server/storage/arena.hpp"
#include "server/storage/words.hpp"
#include "tests/support/catch.hpp"

namespace agora {
namespace {

constexpr std::size_t kMib = std::size_t{1} << 20;

/// Gives zeroed extents, and fills discarded and released memory with ones.
class Source : public ExtentSource {
 public:
  std::span<std::byte> allocate(std::size_t bytes) override {
    auto memory = std::make_unique<std::byte[]>(bytes + 64);
    void* base = memory.get();
    std::size_t space = bytes + 64;
    std::align(64, bytes, base, space);
    auto* const begin = static_cast<std::byte*>(base);
    extents_[begin] = std::move(memory);
    held += bytes;
    return {begin, bytes};
  }
  bool release(std::span<std::byte> extent) override {
    if (!releases || extents_.erase(extent.data()) == 0) return false;
    held -= extent.size();
    return true;
  }
  std::size_t discard(std::span<std::byte> unused) override {
    if (!discards) return 0;
    std::memset(unused.data(), 0xff, unused.size());
    return unused.size();
  }
  bool renew(std::span<std::byte>) override {
    ++renewed;
    return true;
  }

  std::size_t held = 0;
  int renewed = 0;
  bool releases = true;
  bool discards = true;

 private:
  std::map<std::byte*, std::unique_ptr<std::byte[]>> extents_;
};

TEST_CASE("arena: free extents go back, and their place is used again", "[storage]") {
  Source source;
  Arena arena{source};
  const Handle kept = arena.allocate(100);
  std::memset(arena.at(kept), 7, 100);
  std::vector<Handle> blocks;
  for (int i = 0; i < 40; ++i) blocks.push_back(arena.allocate(kMib));
  const std::size_t full = arena.bytes_reserved();
  CHECK(full == source.held);
  for (const Handle block : blocks) arena.free(block, kMib);
  arena.give_back();
  CHECK(arena.bytes_reserved() <= 2 * kMib);
  CHECK(source.held <= full / 10);
  CHECK(arena.at(kept)[99] == std::byte{7});

  for (Handle& block : blocks) {
    block = arena.allocate(kMib);
    REQUIRE(block);
    std::memset(arena.at(block), 9, kMib);
  }
  CHECK(arena.bytes_reserved() <= full + 16 * kMib);
  CHECK(arena.at(kept)[99] == std::byte{7});
  for (const Handle block : blocks) arena.free(block, kMib);
  arena.free(kept, 100);
  CHECK(arena.bytes_used() == 0);
  arena.give_back();
  CHECK(arena.bytes_reserved() == 0);
  CHECK(source.held == 0);
}

TEST_CASE("arena: large free blocks between used ones are discarded", "[storage]") {
  Source source;
  source.releases = false;
  Arena arena{source};
  std::vector<Handle> blocks;
  for (int i = 0; i < 64; ++i) blocks.push_back(arena.allocate(kMib / 2));
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    std::memset(arena.at(blocks[i]), static_cast<int>(i), kMib / 2);
    if (i % 8 != 0) arena.free(blocks[i], kMib / 2);
  }
  const std::size_t before = arena.bytes_reserved();
  arena.give_back();
  CHECK(arena.bytes_reserved() < before / 3);
  for (std::size_t i = 0; i < blocks.size(); i += 8) {
    CHECK(arena.at(blocks[i])[kMib / 2 - 1] == std::byte(i));
  }
  // Allocating and freeing in discarded memory keeps the free lists whole.
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (i % 8 == 0) continue;
    blocks[i] = arena.allocate(kMib / 2);
    REQUIRE(blocks[i]);
  }
  for (const Handle block : blocks) arena.free(block, kMib / 2);
  CHECK(arena.bytes_used() == 0);
}

TEST_CASE("arena: blocks for good keep no other extent", "[storage]") {
  Source source;
  Arena arena{source};
  std::vector<Handle> blocks;
  for (int i = 0; i < 20; ++i) {
    blocks.push_back(arena.allocate(kMib));
    REQUIRE(arena.allocate_for_good(4096));
  }
  for (const Handle block : blocks) arena.free(block, kMib);
  arena.give_back();
  CHECK(arena.bytes_reserved() == kMib);
}

TEST_CASE("words: large free ranges are discarded, and renewed before their next use",
          "[storage]") {
  Source source;
  Words words{source};
  const auto first = words.allocate(8 * kMib);
  const auto second = words.allocate(64);
  REQUIRE((first && second));
  words.store(*second, 42);
  const std::size_t before = words.bytes_reserved();
  words.free(*first, 8 * kMib);
  words.give_back();
  CHECK(words.bytes_reserved() <= before - 7 * kMib);
  CHECK(words.load(*second) == 42);
  CHECK(source.renewed == 0);
  const auto again = words.allocate(kMib);
  REQUIRE(again);
  CHECK(source.renewed == 1);
  CHECK(words.load(*again) == 0);
}

}  // namespace
}  // namespace agora
