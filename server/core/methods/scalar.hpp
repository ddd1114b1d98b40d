// SPDX-License-Identifier: MIT

// Reads one scalar, or the header of one container, from a packed value.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include "shared/base/time.hpp"
#include "shared/value/msgpack_reader.hpp"

namespace agora {

/// Returns the first token of a present value in normal form.
inline Token read(PackedView value) {
  Token token;
  Reader reader{value};
  static_cast<void>(reader.next(token));
  return token;
}

/// Returns an int as decimal digits, for messages.
inline std::string decimal(const Token& integer) {
  return integer.negative ? std::to_string(integer.integer) : std::to_string(integer.natural);
}
inline std::string decimal(PackedView integer) { return decimal(read(integer)); }

/// Returns the body of a text, of bytes or of a reference.
inline std::string_view text_of(PackedView value) {
  const std::string_view bytes = value.bytes();
  const auto first = static_cast<std::uint8_t>(bytes[0]);
  const std::size_t header = (first & 0xe0U) == 0xa0 ? 1 : first == 0xd9 ? 2 : 0;
  if (header == 0) return read(value).body;
  return {bytes.data() + header, bytes.size() - header};
}

/// Returns a number of seconds, not negative, as a span. Rounds up: no call times out early.
inline Duration span_of(PackedView seconds) {
  const Token token = read(seconds);
  const double count = token.kind == Kind::real ? token.real : static_cast<double>(token.integer);
  return Duration{static_cast<std::int64_t>(std::ceil(count * 1e9))};
}

}  // namespace agora
