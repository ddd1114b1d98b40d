// How far text stands in JSON as it is: up to a quote, a backslash or a control character.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace agora {

/// The length of the front of `text` that needs no escape.
/// @param ascii_only  it also ends in front of what is not ASCII
inline std::size_t plain_json_run(std::string_view text, bool ascii_only) {
  constexpr std::uint64_t kOnes = 0x0101010101010101U;
  constexpr std::uint64_t kHighBits = 0x80 * kOnes;
  const auto zero = [](std::uint64_t bytes) { return (bytes - kOnes) & ~bytes; };
  const std::uint64_t beyond = ascii_only ? kHighBits : 0;
  std::size_t at = 0;
  for (std::uint64_t word = 0; at + sizeof word <= text.size(); at += sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    const std::uint64_t control = (word - 0x20 * kOnes) & ~word;
    const std::uint64_t breaks = control | zero(word ^ ('"' * kOnes)) | zero(word ^ ('\\' * kOnes));
    if (((breaks & kHighBits) | (word & beyond)) != 0) break;
  }
  for (; at < text.size(); ++at) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c < 0x20 || c == '"' || c == '\\' || (ascii_only && c >= 0x80)) break;
  }
  return at;
}

}  // namespace agora
