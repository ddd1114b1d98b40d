// SPDX-License-Identifier: MIT

// Headers and bodies of texts in normal form: a fast path past Reader and Writer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace agora {

/// The header in front of the characters of a text: `size` bytes, in little-endian order in
/// `bytes`.
struct TextHeader {
  std::uint64_t bytes;
  std::size_t size;
};

/// Returns the header of a text of `bytes` bytes, less than 4 GiB.
inline TextHeader text_header(std::size_t bytes) {
  const auto at = [&](int shift) { return std::uint64_t{(bytes >> shift) & 0xff}; };
  if (bytes < 32) return {0xa0 | bytes, 1};
  if (bytes < 256) return {0xd9 | at(0) << 8, 2};
  if (bytes < 65536) return {0xda | at(8) << 8 | at(0) << 16, 3};
  return {0xdb | at(24) << 8 | at(16) << 16 | at(8) << 24 | at(0) << 32, 5};
}

/// Returns the characters of a text of less than 64 KiB in normal form, or a view with a null
/// pointer if `packed` is anything else. Safe on bytes that another process changes meanwhile: each
/// is loaded once, and the result lies within `packed` whatever they are.
inline std::string_view text_body(std::string_view packed) {
  const auto byte = [&](std::size_t offset) {
    return static_cast<std::uint8_t>(*static_cast<const volatile char*>(packed.data() + offset));
  };
  std::size_t header = 0;
  std::size_t size = 0;
  if (packed.empty()) return {};
  const std::uint8_t first = byte(0);
  if ((first & 0xe0) == 0xa0) {
    header = 1;
    size = first & 0x1f;
  } else if (first == 0xd9 && packed.size() >= 2) {
    header = 2;
    size = byte(1);
  } else if (first == 0xda && packed.size() >= 3) {
    header = 3;
    size = static_cast<std::size_t>(byte(1) << 8 | byte(2));
  }
  if (header == 0 || packed.size() - header != size) return {};
  return {packed.data() + header, size};
}

}  // namespace agora
