// One scalar, or the header of one container, out of a value at rest.
#pragma once

#include <cmath>
#include <cstdint>
#include <string_view>

#include "shared/base/time.hpp"
#include "shared/value/msgpack_reader.hpp"

namespace agora {

/// The first token of a present value in normal form.
inline Token read(PackedView value) {
  Token token;
  Reader reader{value};
  static_cast<void>(reader.next(token));
  return token;
}

/// The body of a value that is text, bytes or a reference.
inline std::string_view text_of(PackedView value) {
  const std::string_view bytes = value.bytes();
  const auto first = static_cast<std::uint8_t>(bytes[0]);
  const std::size_t header = (first & 0xe0U) == 0xa0 ? 1 : first == 0xd9 ? 2 : 0;
  if (header == 0) return read(value).body;
  return {bytes.data() + header, bytes.size() - header};
}

/// A number of seconds, not negative, as a span. Rounded up: nothing gives up before its time.
inline Duration span_of(PackedView seconds) {
  const Token token = read(seconds);
  const double count = token.kind == Kind::real ? token.real : static_cast<double>(token.integer);
  return Duration{static_cast<std::int64_t>(std::ceil(count * 1e9))};
}

}  // namespace agora
