// SPDX-License-Identifier: MIT

// bytes_equal(): compares two strings; for up to 32 bytes mostly without a call of memcmp, which
// would cost more than the comparison itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace agora {

inline bool bytes_equal(std::string_view a, std::string_view b) {
  const std::size_t size = a.size();
  if (size != b.size()) return false;
  // Words cover all bytes; the last one may overlap the one before, so no tail is left over.
  const auto differ = [&]<typename Word>(Word, std::size_t at) {
    Word left;
    Word right;
    std::memcpy(&left, a.data() + at, sizeof left);
    std::memcpy(&right, b.data() + at, sizeof right);
    return left ^ right;
  };
  if (size >= 8 && size <= 32) {
    std::uint64_t bits = differ(std::uint64_t{}, size - 8);
    for (std::size_t at = 0; at + 8 < size; at += 8) bits |= differ(std::uint64_t{}, at);
    return bits == 0;
  }
  if (size >= 4 && size < 8) {
    return (differ(std::uint32_t{}, 0) | differ(std::uint32_t{}, size - 4)) == 0;
  }
  return a == b;
}

}  // namespace agora
