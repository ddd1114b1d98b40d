// SPDX-License-Identifier: MIT

#include "shared/value/utf8.hpp"

#include <cstdint>
#include <cstring>

namespace agora {
namespace {

bool is_continuation(char byte) { return (static_cast<std::uint8_t>(byte) & 0xc0U) == 0x80U; }

// Returns the length of the well-formed sequence at the start of `text`, whose first byte is not
// ASCII; 0 if it is malformed. The bounds of the second byte exclude overlong forms, surrogates and
// code points over U+10FFFF.
std::size_t sequence_length(std::string_view text) {
  const auto first = static_cast<std::uint8_t>(text[0]);
  std::size_t length = 0;
  std::uint8_t low = 0x80;
  std::uint8_t high = 0xbf;
  if (first >= 0xc2 && first <= 0xdf) {
    length = 2;
  } else if ((first & 0xf0U) == 0xe0U) {
    length = 3;
    if (first == 0xe0) low = 0xa0;
    if (first == 0xed) high = 0x9f;
  } else if (first >= 0xf0 && first <= 0xf4) {
    length = 4;
    if (first == 0xf0) low = 0x90;
    if (first == 0xf4) high = 0x8f;
  }
  if (length == 0 || text.size() < length) return 0;
  const auto second = static_cast<std::uint8_t>(text[1]);
  if (second < low || second > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if (!is_continuation(text[i])) return 0;
  }
  return length;
}

// Returns the length of the ASCII prefix, found eight bytes at a time.
std::size_t ascii_prefix(std::string_view text) {
  std::size_t position = 0;
  while (text.size() - position >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + position, 8);
    if ((word & 0x8080808080808080U) != 0) break;
    position += 8;
  }
  return position;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    text.remove_prefix(ascii_prefix(text));
    while (!text.empty() && static_cast<std::uint8_t>(text[0]) < 0x80) text.remove_prefix(1);
    while (!text.empty() && static_cast<std::uint8_t>(text[0]) >= 0x80) {
      const std::size_t length = sequence_length(text);
      if (length == 0) return false;
      text.remove_prefix(length);
    }
  }
  return true;
}

}  // namespace agora
