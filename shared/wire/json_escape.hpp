// SPDX-License-Identifier: MIT

// unescaped_prefix(): finds the first character of a text that JSON must escape.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace agora {

/// Returns the length of the longest prefix of `text` without a quote, a backslash or a control
/// character. Checks 8 bytes at a time.
/// @param ascii_only  the prefix also ends before the first byte that is not ASCII
inline std::size_t unescaped_prefix(std::string_view text, bool ascii_only) {
  constexpr std::uint64_t kOnes = 0x0101010101010101U;
  constexpr std::uint64_t kHighBits = 0x80 * kOnes;
  const auto zero = [](std::uint64_t bytes) { return (bytes - kOnes) & ~bytes; };
  const std::uint64_t non_ascii = ascii_only ? kHighBits : 0;
  std::size_t at = 0;
  for (std::uint64_t word = 0; at + sizeof word <= text.size(); at += sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    const std::uint64_t control = (word - 0x20 * kOnes) & ~word;
    const std::uint64_t breaks = control | zero(word ^ ('"' * kOnes)) | zero(word ^ ('\\' * kOnes));
    if (((breaks & kHighBits) | (word & non_ascii)) != 0) break;
  }
  for (; at < text.size(); ++at) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c < 0x20 || c == '"' || c == '\\' || (ascii_only && c >= 0x80)) break;
  }
  return at;
}

}  // namespace agora
