// SPDX-License-Identifier: MIT

// is_ascii(): returns whether a text is all ASCII. Vectorised, so limited by memory bandwidth.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace agora {
namespace ascii {

inline constexpr std::uint64_t kHighBits = 0x8080808080808080U;

using Block [[gnu::vector_size(16)]] = std::uint64_t;
inline constexpr std::size_t kLongText = 4 * sizeof(Block);

template <typename Word>
Word word_at(const char* from) {
  Word word{};
  std::memcpy(&word, from, sizeof word);
  return word;
}

/// Reads four independent blocks in each step: one accumulator would chain every `or` to the one
/// before it.
inline bool is_long_ascii(const char* text, std::size_t length) {
  Block a{}, b{}, c{}, d{};
  const auto accumulate = [&](const char* from) {
    a |= word_at<Block>(from);
    b |= word_at<Block>(from + sizeof(Block));
    c |= word_at<Block>(from + 2 * sizeof(Block));
    d |= word_at<Block>(from + 3 * sizeof(Block));
  };
  for (std::size_t at = 0; at + kLongText < length; at += kLongText) accumulate(text + at);
  accumulate(text + length - kLongText);  // may overlap the blocks before
  const Block all = a | b | c | d;
  return ((all[0] | all[1]) & kHighBits) == 0;
}

}  // namespace ascii

/// Returns true if no byte is above 0x7f.
inline bool is_ascii(const char* text, std::size_t length) {
  if (length >= ascii::kLongText) return ascii::is_long_ascii(text, length);
  std::uint64_t bits = 0;
  if (length >= 8) {
    // The last word may overlap the one before it, so no tail is left over.
    for (std::size_t at = 0; at + 8 < length; at += 8) {
      bits |= ascii::word_at<std::uint64_t>(text + at);
    }
    bits |= ascii::word_at<std::uint64_t>(text + length - 8);
  } else {
    for (; length > 0; --length, ++text) bits |= static_cast<unsigned char>(*text);
  }
  return (bits & ascii::kHighBits) == 0;
}

}  // namespace agora
