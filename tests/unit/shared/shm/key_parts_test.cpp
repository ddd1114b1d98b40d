// SPDX-License-Identifier: MIT

#include "shared/shm/key_parts.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

#include "shared/base/keyed_hash.hpp"
#include "shared/shm/racing_read.hpp"
#include "tests/support/catch.hpp"

using namespace agora;

TEST_CASE("key parts: hash and comparison do not depend on the split", "[shm]") {
  constexpr HashKey kSomeKey{17, 4711};
  for (std::size_t size = 0; size < 60; ++size) {
    std::string whole(size, '\0');
    for (std::size_t i = 0; i < size; ++i) whole[i] = static_cast<char>(i * 37 + size + 200);
    for (std::size_t cut = 0; cut <= std::min<std::size_t>(size, 8); ++cut) {
      std::uint64_t head = 0;
      for (std::size_t i = 0; i < cut; ++i) {
        head |= std::uint64_t{static_cast<std::uint8_t>(whole[i])} << (8 * i);
      }
      // A copy of its own, so that the address sanitizer finds an out-of-bounds read.
      const std::string body = whole.substr(cut);
      const shm::KeyParts parts{head, cut, body};
      CHECK(parts.size() == size);
      CHECK(keyed_hash_of(parts, kSomeKey) == keyed_hash(whole, kSomeKey));
      CHECK(shm::bytes_equal(whole.data(), parts));
      for (std::size_t i = 0; i < size; ++i) {
        std::string other = whole;
        other[i] = static_cast<char>(other[i] + 1);
        CHECK_FALSE(shm::bytes_equal(other.data(), parts));
      }
    }
  }
}
