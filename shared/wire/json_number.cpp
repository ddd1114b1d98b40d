// SPDX-License-Identifier: MIT

#include "shared/wire/json_number.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <limits>

#include "shared/wire/json_read.hpp"

namespace agora {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kNumberBytes = "0123456789+-.eE";
constexpr std::string_view kOutOfRange = "99999999999999999999";

// Drops leading digits; returns false if there are none.
bool drop_digits(std::string_view& text) {
  const std::size_t count = std::min(text.find_first_not_of(kDigits), text.size());
  text.remove_prefix(count);
  return count > 0;
}

bool drop_one(std::string_view& text, std::string_view of) {
  if (text.empty() || of.find(text[0]) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

// Returns the decimal exponent of the first nonzero digit; `token` is a JSON number. The exponent
// alone shows nearly always whether the number overflows. std::from_chars alone would not do: it
// reports overflow and underflow alike.
std::int64_t magnitude(std::string_view token) {
  const std::size_t e = std::min(token.find_first_of("eE"), token.size());
  const std::string_view mantissa = token.substr(0, e);
  const auto point = static_cast<std::int64_t>(std::min(mantissa.find('.'), mantissa.size()));
  const std::size_t found = mantissa.find_first_of("123456789");
  if (found == std::string_view::npos) return 0;
  const auto first = static_cast<std::int64_t>(found);
  std::string_view digits = token.substr(std::min(e + 1, token.size()));
  if (digits.starts_with('+')) digits.remove_prefix(1);
  // Frames are bounded, so no mantissa is long enough to compensate an exponent of this size.
  constexpr std::int64_t kHuge = std::int64_t{1} << 60;
  std::int64_t exponent = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
  const bool huge = code == std::errc::result_out_of_range;
  if (huge || std::abs(exponent) > kHuge) exponent = digits.starts_with('-') ? -kHuge : kHuge;
  return exponent + (first < point ? point - first - 1 : point - first);
}

bool overflows(std::string_view token) {
  constexpr std::size_t kDigitsSafe = 300;
  const bool exponent = token.find_first_of("eE") != std::string_view::npos;
  if ((!exponent && token.size() < kDigitsSafe) || !is_json_number(token)) return false;
  const std::int64_t power = magnitude(token);
  if (power != std::numeric_limits<double>::max_exponent10) {
    return power > std::numeric_limits<double>::max_exponent10;
  }
  double value = 0;
  const auto [end, code] = std::from_chars(token.data(), token.data() + token.size(), value);
  return code == std::errc::result_out_of_range;
}

// Returns the end of the string that begins at `at`, behind its closing quote.
std::size_t string_end(std::string_view text, std::size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return std::min(at + 1, text.size());
}

bool starts_token(char c) { return c == '"' || c == '-' || (c >= '0' && c <= '9'); }

}  // namespace

bool is_json_number(std::string_view text) {
  drop_one(text, "-");
  if (!drop_one(text, "0") && !drop_digits(text)) return false;
  if (drop_one(text, ".") && !drop_digits(text)) return false;
  if (drop_one(text, "eE")) {
    drop_one(text, "+-");
    if (!drop_digits(text)) return false;
  }
  return text.empty();
}

std::string clamp_overflows(std::string_view text, std::uint64_t numbers_max) {
  std::string clamped;
  std::size_t copied = 0;
  std::size_t at = 0;
  while (numbers_max > 0) {
    while (at < text.size() && !starts_token(text[at])) ++at;
    if (at == text.size()) break;
    if (text[at] == '"') {
      at = string_end(text, at);
      continue;
    }
    --numbers_max;
    const std::size_t end = std::min(text.find_first_not_of(kNumberBytes, at), text.size());
    if (overflows(text.substr(at, end - at))) {
      clamped.append(text.substr(copied, at - copied)).append(kOutOfRange);
      copied = end;
    }
    at = end;
  }
  return clamped.append(text.substr(copied));
}

}  // namespace agora
