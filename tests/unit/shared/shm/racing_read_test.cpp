// SPDX-License-Identifier: MIT

#include "shared/shm/racing_read.hpp"

#include <string>

#include "tests/support/catch.hpp"

using namespace agora;

TEST_CASE("bytes_equal: one different byte at any offset makes them differ", "[shm]") {
  for (std::size_t size = 0; size < 40; ++size) {
    std::string own(size, '\0');
    for (std::size_t i = 0; i < size; ++i) own[i] = static_cast<char>(i * 7 + size);
    const std::string shared = "x" + own;  // at an odd address
    CHECK(shm::bytes_equal(shared.data() + 1, own));
    for (std::size_t i = 0; i < size; ++i) {
      std::string other = shared;
      other[i + 1] = static_cast<char>(other[i + 1] ^ 1);
      CHECK_FALSE(shm::bytes_equal(other.data() + 1, own));
    }
  }
}

TEST_CASE("racing read: words load from unaligned addresses, and bytes are copied", "[shm]") {
  const std::string bytes{"x\1\2\3\4\5\6\7\10"};
  CHECK(shm::load_once<std::uint64_t>(bytes.data() + 1) == 0x0807060504030201);
  CHECK(shm::load_once<std::uint32_t>(bytes.data() + 3) == 0x06050403);
  std::string own = "longer than the bytes that are copied";
  shm::copy_racing(bytes, own);
  CHECK(own == bytes);
}
