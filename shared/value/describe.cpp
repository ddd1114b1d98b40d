// SPDX-License-Identifier: MIT

#include "shared/value/describe.hpp"

#include <array>
#include <charconv>
#include <cstddef>

#include "shared/value/error_text.hpp"
#include "shared/value/msgpack_reader.hpp"

namespace agora {
namespace {

constexpr std::size_t kTextBytesMax = 40;

std::string real_text(double value) {
  std::array<char, 32> digits{};
  const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  std::string text(digits.data(), result.ptr);
  if (text.find_first_not_of("-0123456789") == std::string::npos) text += ".0";
  return text;
}

std::string quoted(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const std::string_view shown = cut_text(text, kTextBytesMax);
  std::string result = "\"";
  for (const char c : shown) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (byte < 0x20 || byte == 0x7f) {
      result += "\\u00";
      result += kHex[byte >> 4U];
      result += kHex[byte & 0xfU];
    } else {
      if (c == '"' || c == '\\') result += '\\';
      result += c;
    }
  }
  if (shown.size() < text.size()) result += "...";
  return result + "\"";
}

std::string shown_value(const Token& token) {
  switch (token.kind) {
    case Kind::boolean:
      return token.boolean ? "true" : "false";
    case Kind::integer:
      return token.negative ? std::to_string(token.integer) : std::to_string(token.natural);
    case Kind::real:
      return real_text(token.real);
    case Kind::text:
    case Kind::reference:
      return quoted(token.body);
    default:
      return {};
  }
}

}  // namespace

std::string describe(PackedView value) {
  Token token;
  if (Reader(value).next(token) != Reader::Status::ok) return "nothing";
  std::string result(to_string(token.kind));
  const std::string shown = shown_value(token);
  if (!shown.empty()) result += " " + shown;
  return result;
}

}  // namespace agora
