// SPDX-License-Identifier: MIT

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/storage/heap_extents.hpp"
#include "shared/shm/memfd_extents.hpp"
#include "tests/support/catch.hpp"

using namespace agora;

namespace {

constexpr std::size_t kMib = std::size_t{1} << 20;

bool all_zero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

}  // namespace

TEMPLATE_TEST_CASE("extents: are zeroed, aligned, and disjoint", "[core][storage]", HeapExtents,
                   MemfdExtents) {
  TestType source;
  const auto one = source.allocate(kMib);
  const auto two = source.allocate(3 * kMib);
  REQUIRE(one.size() == kMib);
  REQUIRE(two.size() == 3 * kMib);
  CHECK(reinterpret_cast<std::uintptr_t>(one.data()) % 64 == 0);
  CHECK(reinterpret_cast<std::uintptr_t>(two.data()) % 64 == 0);
  CHECK(all_zero(one));
  std::fill(one.begin(), one.end(), std::byte{0xff});
  CHECK(all_zero(two));
}

TEST_CASE("heap extents: a request over the bound is refused", "[core][storage]") {
  HeapExtents source{3 * kMib};
  CHECK(source.allocate(4 * kMib).empty());
  CHECK(source.allocate(2 * kMib).size() == 2 * kMib);
  CHECK(source.allocate(2 * kMib).empty());
  CHECK(source.allocate(kMib).size() == kMib);
  CHECK(source.allocate(kMib).empty());
}

TEST_CASE("memfd extent: has a fixed size and all its pages", "[core][storage]") {
  MemfdExtents source;
  REQUIRE_FALSE(source.allocate(2 * kMib).empty());
  REQUIRE(source.extents().size() == 1);
  const int descriptor = source.extents()[0].descriptor();

  CHECK(ftruncate(descriptor, kMib) != 0);
  CHECK(ftruncate(descriptor, 4 * kMib) != 0);
  CHECK((fcntl(descriptor, F_GETFD) & FD_CLOEXEC) != 0);
  struct stat status = {};
  REQUIRE(fstat(descriptor, &status) == 0);
  CHECK(status.st_size == 2 * kMib);
  CHECK(static_cast<std::size_t>(status.st_blocks) * 512 >= 2 * kMib);
}

TEST_CASE("memfd extent: a second mapping sees the same bytes", "[core][storage]") {
  MemfdExtents source;
  const auto extent = source.allocate(kMib);
  REQUIRE(extent.size() == kMib);
  void* other = mmap(nullptr, kMib, PROT_READ, MAP_SHARED, source.extents()[0].descriptor(), 0);
  REQUIRE(other != MAP_FAILED);
  std::memcpy(extent.data() + 5000, "agora", 6);
  CHECK(std::strcmp(static_cast<const char*>(other) + 5000, "agora") == 0);
  munmap(other, kMib);
}

TEST_CASE("memfd extents: descriptors are closed with their source", "[core][storage]") {
  int descriptor = -1;
  {
    MemfdExtents source;
    REQUIRE_FALSE(source.allocate(kMib).empty());
    descriptor = source.extents()[0].descriptor();
    CHECK(fcntl(descriptor, F_GETFD) >= 0);
  }
  CHECK(fcntl(descriptor, F_GETFD) == -1);
}
