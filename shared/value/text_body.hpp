// Texts in normal form without a reader or writer, for those to whom a token is too dear.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace agora {

/// What stands in front of a text's characters: the first of `size` bytes is the lowest of `bytes`.
struct TextHead {
  std::uint64_t bytes;
  std::size_t size;
};

/// The head of a text of so many bytes, less than 4 GiB.
inline TextHead text_head(std::size_t bytes) {
  const auto at = [&](int shift) { return std::uint64_t{(bytes >> shift) & 0xff}; };
  if (bytes < 32) return {0xa0 | bytes, 1};
  if (bytes < 256) return {0xd9 | at(0) << 8, 2};
  if (bytes < 65536) return {0xda | at(8) << 8 | at(0) << 16, 3};
  return {0xdb | at(24) << 8 | at(16) << 16 | at(8) << 24 | at(0) << 32, 5};
}

/// What is inside of a text of less than 64 KiB in normal form; nothing, by a null pointer, if
/// `packed` is something else. The bytes may change meanwhile: each is loaded once, and what is
/// returned lies within `packed` whatever they are.
inline std::string_view text_body(std::string_view packed) {
  const auto byte = [&](std::size_t place) {
    return static_cast<std::uint8_t>(*static_cast<const volatile char*>(packed.data() + place));
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
