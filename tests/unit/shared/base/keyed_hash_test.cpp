// SPDX-License-Identifier: MIT

#include "shared/base/keyed_hash.hpp"

#include <bit>
#include <cmath>
#include <string>
#include <unordered_set>
#include <vector>

#include <rapidcheck.h>

#include "tests/support/catch.hpp"

using namespace agora;

namespace {
constexpr HashKey kSomeKey{0x0123456789abcdef, 0xfedcba9876543210};
}

TEST_CASE("keyed hash: depends on every byte, on the length, and on both words of the key",
          "[base]") {
  for (std::size_t size = 1; size < 70; ++size) {
    const std::string bytes(size, '\0');
    std::unordered_set<std::uint64_t> seen{keyed_hash(bytes, kSomeKey)};
    for (std::size_t i = 0; i < size; ++i) {
      std::string other = bytes;
      other[i] = '\1';
      seen.insert(keyed_hash(other, kSomeKey));
    }
    seen.insert(keyed_hash(bytes + '\0', kSomeKey));
    seen.insert(keyed_hash(bytes, {kSomeKey.first + 1, kSomeKey.second}));
    seen.insert(keyed_hash(bytes, {kSomeKey.first, kSomeKey.second + 1}));
    CHECK(seen.size() == size + 4);
  }
}

TEST_CASE("keyed hash: equal bytes at any address have equal hashes", "[base]") {
  CHECK(rc::check("at any address", [](const std::string& bytes) {
    const std::string shifted = "x" + bytes;
    RC_ASSERT(keyed_hash(bytes, kSomeKey) ==
              keyed_hash(std::string_view{shifted}.substr(1), kSomeKey));
  }));
}

TEST_CASE("keyed hash: one flipped input bit flips about half of the output bits", "[base]") {
  for (const std::size_t size : {std::size_t{1}, std::size_t{3}, std::size_t{7}, std::size_t{16},
                                 std::size_t{17}, std::size_t{64}}) {
    double flipped = 0;
    double flips = 0;
    for (int base = 0; base < 50; ++base) {
      std::string bytes(size, static_cast<char>(base * 5));
      const std::uint64_t before = keyed_hash(bytes, kSomeKey);
      for (std::size_t bit = 0; bit < size * 8; ++bit) {
        std::string other = bytes;
        other[bit / 8] = static_cast<char>(other[bit / 8] ^ (1 << (bit % 8)));
        flipped += std::popcount(before ^ keyed_hash(other, kSomeKey));
        flips += 1;
      }
    }
    CHECK(std::abs(flipped / flips - 32) < 1.5);
  }
}

TEST_CASE("keyed hash: numbered keys spread evenly over the low bits", "[base]") {
  constexpr std::size_t kBuckets = 1024;
  constexpr std::size_t kKeys = 64 * kBuckets;
  std::vector<double> counts(kBuckets);
  for (std::size_t i = 0; i < kKeys; ++i) {
    counts[keyed_hash("key:" + std::to_string(i), kSomeKey) % kBuckets] += 1;
  }
  double chi_squared = 0;
  for (const double count : counts) chi_squared += (count - 64) * (count - 64) / 64;
  // Mean 1023, standard deviation 45: six of them on either side.
  CHECK(chi_squared > 1023 - 6 * 45);
  CHECK(chi_squared < 1023 + 6 * 45);
}
