#include "server/core/typecodes.hpp"

#include <cmath>
#include <cstdint>
#include <limits>

#include "server/core/scalar.hpp"
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
