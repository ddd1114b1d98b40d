// SPDX-License-Identifier: MIT

#include "server/core/methods/typecodes.hpp"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "server/core/methods/scalar.hpp"
#include "server/storage/words.hpp"
#include "shared/value/describe.hpp"
#include "shared/value/msgpack_reader.hpp"
#include "shared/value/msgpack_writer.hpp"

namespace agora {
namespace {

Failure wrong_kind(std::string_view expected, PackedView value) {
  return fail(Errc::type_error, "expected " + std::string{expected} + ", got " + describe(value));
}

template <typename Int>
Expected<void> coerce_int(bool wrap, PackedView value, std::string& out) {
  const Token token = read(value);
  if (token.kind != Kind::integer) return wrong_kind("an int", value);
  const bool fits =
      token.negative ? std::in_range<Int>(token.integer) : std::in_range<Int>(token.natural);
  if (!fits && !wrap) {
    return fail(Errc::value_error, describe(value) + " is outside " +
                                       std::to_string(std::numeric_limits<Int>::min()) + " to " +
                                       std::to_string(std::numeric_limits<Int>::max()));
  }
  const auto wrapped =
      static_cast<Int>(token.negative ? static_cast<std::uint64_t>(token.integer) : token.natural);
  if constexpr (std::is_signed_v<Int>) {
    Writer{out}.integer(wrapped);
  } else {
    Writer{out}.unsigned_integer(wrapped);
  }
  return {};
}

template <typename Int>
constexpr IntRange range_of() {
  return {static_cast<std::int64_t>(std::numeric_limits<Int>::min()),
          static_cast<std::uint64_t>(std::numeric_limits<Int>::max())};
}

Expected<void> coerce_real(bool single, bool wrap, PackedView value, std::string& out) {
  const Token token = read(value);
  double real = token.real;
  if (token.kind == Kind::integer) {
    real = token.negative ? static_cast<double>(token.integer) : static_cast<double>(token.natural);
  } else if (token.kind != Kind::real) {
    return wrong_kind("a float or an int", value);
  }
  if (single) {
    const auto rounded = static_cast<float>(real);
    if (!wrap && std::isfinite(real) && !std::isfinite(rounded)) {
      return fail(Errc::value_error, describe(value) + " is outside the range of a 32-bit float");
    }
    real = rounded;
  }
  Writer{out}.real(real);
  return {};
}

Expected<void> coerce_byte(PackedView value, std::string& out) {
  const Token token = read(value);
  const bool text_or_bytes = token.kind == Kind::bytes || token.kind == Kind::text;
  if (!text_or_bytes || token.body.size() != 1) return wrong_kind("one byte", value);
  Writer{out}.bytes(token.body);
  return {};
}

}  // namespace

std::optional<Typecode> typecode_of(std::string_view word) {
  if (word == "any") return Typecode::any;
  if (word.size() != 1) return std::nullopt;
  if (word == "q") return Typecode::int64;
  if (word == "Q") return Typecode::uint64;
  if (std::string_view{"bBhHiIlLfdc?"}.find(word[0]) == std::string_view::npos) {
    return std::nullopt;
  }
  return static_cast<Typecode>(word[0]);
}

IntRange int_range(Typecode code) {
  switch (code) {
    case Typecode::int8:
      return range_of<std::int8_t>();
    case Typecode::uint8:
      return range_of<std::uint8_t>();
    case Typecode::int16:
      return range_of<std::int16_t>();
    case Typecode::uint16:
      return range_of<std::uint16_t>();
    case Typecode::int32:
      return range_of<std::int32_t>();
    case Typecode::uint32:
      return range_of<std::uint32_t>();
    case Typecode::int64:
      return range_of<std::int64_t>();
    case Typecode::uint64:
      return range_of<std::uint64_t>();
    case Typecode::any:
    case Typecode::float32:
    case Typecode::float64:
    case Typecode::byte:
    case Typecode::boolean:
      break;
  }
  return {};
}

Expected<void> coerce(Typecode code, bool wrap, PackedView value, std::string& out) {
  switch (code) {
    case Typecode::any:
      out += value.bytes();
      return {};
    case Typecode::int8:
      return coerce_int<std::int8_t>(wrap, value, out);
    case Typecode::uint8:
      return coerce_int<std::uint8_t>(wrap, value, out);
    case Typecode::int16:
      return coerce_int<std::int16_t>(wrap, value, out);
    case Typecode::uint16:
      return coerce_int<std::uint16_t>(wrap, value, out);
    case Typecode::int32:
      return coerce_int<std::int32_t>(wrap, value, out);
    case Typecode::uint32:
      return coerce_int<std::uint32_t>(wrap, value, out);
    case Typecode::int64:
      return coerce_int<std::int64_t>(wrap, value, out);
    case Typecode::uint64:
      return coerce_int<std::uint64_t>(wrap, value, out);
    case Typecode::float32:
      return coerce_real(true, wrap, value, out);
    case Typecode::float64:
      return coerce_real(false, wrap, value, out);
    case Typecode::byte:
      return coerce_byte(value, out);
    case Typecode::boolean:
      if (value.kind() != Kind::boolean) return wrong_kind("a bool", value);
      out += value.bytes();
      return {};
  }
  return {};
}

std::size_t c_bytes(Typecode code) {
  switch (code) {
    case Typecode::any:
      return 0;
    case Typecode::int8:
    case Typecode::uint8:
    case Typecode::byte:
    case Typecode::boolean:
      return 1;
    case Typecode::int16:
    case Typecode::uint16:
      return 2;
    case Typecode::int32:
    case Typecode::uint32:
    case Typecode::float32:
      return 4;
    case Typecode::int64:
    case Typecode::uint64:
    case Typecode::float64:
      return 8;
  }
  return 0;
}

void write_c(Typecode code, PackedView coerced, std::byte* to) {
  const Token token = read(coerced);
  const auto put = [to](auto number) { std::memcpy(to, &number, sizeof number); };
  // Signed and unsigned forms of a number that fits have the same low bytes.
  const std::uint64_t bits =
      token.negative ? static_cast<std::uint64_t>(token.integer) : token.natural;
  switch (code) {
    case Typecode::float32:
      return put(static_cast<float>(token.real));
    case Typecode::float64:
      return put(token.real);
    case Typecode::byte:
      return put(token.body.front());
    case Typecode::boolean:
      return put(static_cast<std::uint8_t>(token.boolean ? 1 : 0));
    default:
      std::memcpy(to, &bits, c_bytes(code));
  }
}

void read_c(Typecode code, const std::byte* from, std::string& out) {
  Writer writer{out};
  const auto get = [from](auto number) {
    std::memcpy(&number, from, sizeof number);
    return number;
  };
  switch (code) {
    case Typecode::any:
      return;
    case Typecode::int8:
      return writer.integer(get(std::int8_t{}));
    case Typecode::uint8:
      return writer.unsigned_integer(get(std::uint8_t{}));
    case Typecode::int16:
      return writer.integer(get(std::int16_t{}));
    case Typecode::uint16:
      return writer.unsigned_integer(get(std::uint16_t{}));
    case Typecode::int32:
      return writer.integer(get(std::int32_t{}));
    case Typecode::uint32:
      return writer.unsigned_integer(get(std::uint32_t{}));
    case Typecode::int64:
      return writer.integer(get(std::int64_t{}));
    case Typecode::uint64:
      return writer.unsigned_integer(get(std::uint64_t{}));
    case Typecode::float32:
      return writer.real(double{get(float{})});
    case Typecode::float64:
      return writer.real(get(double{}));
    case Typecode::byte:
      return writer.bytes(std::string_view{reinterpret_cast<const char*>(from), 1});
    case Typecode::boolean:
      return writer.boolean(get(std::uint8_t{}) != 0);
  }
}

std::optional<std::string> add_to_word(Typecode code, std::byte* at, PackedView amount) {
  if (std::string_view{"bBhHiIlL"}.find(static_cast<char>(code)) == std::string_view::npos) {
    return std::nullopt;
  }
  const Token token = read(amount);
  if (token.kind != Kind::integer) return std::nullopt;
  const std::uint64_t more =
      token.negative ? static_cast<std::uint64_t>(token.integer) : token.natural;
  const std::uint64_t sum = fetch_add_bits(at, c_bytes(code), more) + more;
  std::string out;
  read_c(code, reinterpret_cast<const std::byte*>(&sum), out);
  return out;
}

std::string zero_of(Typecode code) {
  std::string out;
  Writer writer{out};
  switch (code) {
    case Typecode::boolean:
      writer.boolean(false);
      break;
    case Typecode::byte:
      writer.bytes(std::string_view{"\0", 1});
      break;
    case Typecode::float32:
    case Typecode::float64:
      writer.real(0);
      break;
    default:
      writer.integer(0);
      break;
  }
  return out;
}

}  // namespace agora
