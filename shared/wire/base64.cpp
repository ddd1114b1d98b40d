// SPDX-License-Identifier: MIT

#include "shared/wire/base64.hpp"

#include <array>
#include <cstdint>

namespace agora {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNoDigit = 0xff;

constexpr std::array<std::uint8_t, 256> digits() {
  std::array<std::uint8_t, 256> table{};
  table.fill(kNoDigit);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    table[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return table;
}

constexpr std::array<std::uint8_t, 256> kDigits = digits();

std::uint32_t byte_at(std::string_view raw, std::size_t at) {
  return at < raw.size() ? static_cast<unsigned char>(raw[at]) : 0U;
}

// Appends the 3 - `padding` bytes of one group of four characters.
bool decode_group(std::string_view group, std::size_t padding, std::string& out) {
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const bool filler = i >= 4 - padding;
    const std::uint8_t digit = filler ? 0 : kDigits[static_cast<unsigned char>(group[i])];
    if (digit == kNoDigit) return false;
    bits = bits << 6 | digit;
  }
  // Rejects nonzero unused bits, with which several texts would encode the same bytes.
  if ((bits & ((1U << (8 * padding)) - 1)) != 0) return false;
  for (std::size_t i = 0; i < 3 - padding; ++i) {
    out.push_back(static_cast<char>(bits >> (16 - 8 * i) & 0xff));
  }
  return true;
}

}  // namespace

void base64_encode(std::string_view raw, std::string& out) {
  out.reserve(out.size() + (raw.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < raw.size(); at += 3) {
    const std::uint32_t bits =
        byte_at(raw, at) << 16 | byte_at(raw, at + 1) << 8 | byte_at(raw, at + 2);
    const std::size_t left = raw.size() - at;
    out.push_back(kAlphabet[bits >> 18]);
    out.push_back(kAlphabet[bits >> 12 & 63]);
    out.push_back(left > 1 ? kAlphabet[bits >> 6 & 63] : '=');
    out.push_back(left > 2 ? kAlphabet[bits & 63] : '=');
  }
}

bool base64_decode(std::string_view text, std::string& out) {
  if (text.size() % 4 != 0) return false;
  const std::size_t start = out.size();
  out.reserve(start + text.size() / 4 * 3);
  for (std::size_t at = 0; at < text.size(); at += 4) {
    const std::string_view group = text.substr(at, 4);
    const bool last = at + 4 == text.size();
    const std::size_t padding = !last || group[3] != '=' ? 0U : group[2] != '=' ? 1U : 2U;
    if (!decode_group(group, padding, out)) {
      out.resize(start);
      return false;
    }
  }
  return true;
}

}  // namespace agora
