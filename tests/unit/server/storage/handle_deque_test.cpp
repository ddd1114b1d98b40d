// SPDX-License-Identifier: MIT

#include "server/storage/handle_deque.hpp"

#include <deque>
#include <random>
#include <vector>

#include <rapidcheck.h>

#include "server/storage/heap_extents.hpp"
#include "tests/support/catch.hpp"

using namespace agora;

namespace {

/// A HandleDeque and its model.
struct Twin {
  HeapExtents extents;
  Arena arena{extents};
  HandleDeque handles{arena};
  std::deque<Handle> model;
  std::mt19937 random;
  std::uint32_t last = 0;

  explicit Twin(std::uint32_t seed) : random(seed) {}

  std::size_t below(std::size_t n) { return random() % n; }
  /// Returns mostly an end.
  std::size_t some_place(std::size_t size) {
    const std::size_t which = below(6);
    return which < 2 ? 0 : which < 4 ? size : below(size + 1);
  }
  void insert(std::size_t count) {
    std::vector<Handle> fresh;
    for (std::size_t i = 0; i < count; ++i) fresh.push_back(Handle{++last});
    const std::size_t place = some_place(model.size());
    RC_ASSERT(handles.insert(place, fresh));
    model.insert(model.begin() + static_cast<std::ptrdiff_t>(place), fresh.begin(), fresh.end());
  }
  void erase(std::size_t count) {
    count = std::min(count, model.size());
    const std::size_t place = std::min(some_place(model.size()), model.size() - count);
    handles.erase(place, count);
    const auto begin = model.begin() + static_cast<std::ptrdiff_t>(place);
    model.erase(begin, begin + static_cast<std::ptrdiff_t>(count));
  }
  void step(bool growing) {
    const std::size_t count = below(40) == 0 ? below(2000) : below(4);
    switch (below(8)) {
      case 0:
        handles.reverse();
        return std::reverse(model.begin(), model.end());
      case 1:
        if (model.empty()) return;
        RC_ASSERT(handles.exchange(model.size() / 2, Handle{++last}) == model[model.size() / 2]);
        model[model.size() / 2] = Handle{last};
        return;
      case 2:
      case 3:
        return growing ? insert(count) : erase(count);
      default:
        below(2) == 0 ? insert(count) : erase(count);
    }
  }
  void check() {
    RC_ASSERT(handles.size() == model.size());
    RC_ASSERT(handles.all() == std::vector<Handle>(model.begin(), model.end()));
    RC_ASSERT(arena.bytes_used() == handles.bytes());
  }
};

}  // namespace

TEST_CASE("handle deque: handles stay in order through inserts and erases anywhere",
          "[core][storage]") {
  CHECK(rc::check("as a deque", [](std::uint32_t seed) {
    Twin twin{seed};
    for (int i = 0; i < 400; ++i) {
      twin.step(i < 200);
      twin.check();
    }
    twin.erase(twin.model.size());
    RC_ASSERT(twin.arena.bytes_used() == 0U);
  }));
}

TEST_CASE("handle deque: used as a queue, it does not grow over time", "[core][storage]") {
  HeapExtents extents;
  Arena arena{extents};
  {
    HandleDeque handles{arena};
    for (std::uint32_t i = 1; i <= 1000; ++i) {
      const Handle handle{i};
      REQUIRE(handles.insert(handles.size(), {&handle, 1}));
    }
    const std::size_t used = arena.bytes_used();
    for (std::uint32_t i = 1001; i <= 300'000; ++i) {
      const Handle handle{i};
      REQUIRE(handles.insert(handles.size(), {&handle, 1}));
      REQUIRE(handles[0] == Handle{i - 1000});
      handles.erase(0, 1);
    }
    CHECK(arena.bytes_used() <= used + 1024);
    const Handle handle{1};
    for (int i = 0; i < 300'000; ++i) {
      REQUIRE(handles.insert(0, {&handle, 1}));
      handles.erase(handles.size() - 1, 1);
    }
    CHECK(arena.bytes_used() <= used + 1024);
  }
  CHECK(arena.bytes_used() == 0);
}

TEST_CASE("handle deque: without memory nothing changes", "[core][storage]") {
  HeapExtents extents{std::size_t{1} << 20};
  Arena arena{extents};
  HandleDeque handles{arena};
  const std::vector<Handle> many(400'000, Handle{7});
  CHECK_FALSE(handles.insert(0, many));
  CHECK(arena.bytes_used() == 0);
  std::vector<Handle> few;
  for (std::uint32_t i = 1; i <= 1000; ++i) few.push_back(Handle{i});
  REQUIRE(handles.insert(0, few));
  for (const std::size_t place : {std::size_t{0}, std::size_t{400}, std::size_t{1000}}) {
    CHECK_FALSE(handles.insert(place, many));
    CHECK(handles.all() == few);
    CHECK(arena.bytes_used() == handles.bytes());
  }
}
