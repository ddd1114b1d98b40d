// SPDX-License-Identifier: MIT

#include "shared/value/codec.hpp"

#include <cmath>
#include <limits>

#include "shared/base/assert.hpp"
#include "shared/value/describe.hpp"

namespace agora {
namespace {

Failure with_prefix(const std::string& prefix, Failure inner) {
  inner.error->message.insert(0, prefix + ": ");
  return inner;
}

bool read_integer(PackedView value, Token& token) {
  return Reader(value).next(token) == Reader::Status::ok && token.kind == Kind::integer;
}

template <typename Number>
Failure out_of_range(Number low, Number high, PackedView found) {
  return fail(Errc::value_error, "expected int from " + std::to_string(low) + " to " +
                                     std::to_string(high) + ", found " + describe(found));
}

}  // namespace

Failure mismatch(std::string_view expected, PackedView found) {
  return fail(Errc::type_error, "expected " + std::string(expected) + ", found " + describe(found));
}

Failure at_element(std::size_t index, Failure inner) {
  return with_prefix("element " + std::to_string(index), std::move(inner));
}

Failure at_key(PackedView key, Failure inner) {
  return with_prefix("key " + describe(key), std::move(inner));
}

std::uint32_t count_of(std::size_t size) {
  AGORA_ASSERT(size <= std::numeric_limits<std::uint32_t>::max());
  return static_cast<std::uint32_t>(size);
}

Expected<std::int64_t> decode_signed(PackedView value, std::int64_t low, std::int64_t high) {
  Token token;
  if (!read_integer(value, token)) return mismatch("int", value);
  const bool fits = token.negative || token.natural <= std::uint64_t{INT64_MAX};
  if (!fits || token.integer < low || token.integer > high) return out_of_range(low, high, value);
  return token.integer;
}

Expected<std::uint64_t> decode_unsigned(PackedView value, std::uint64_t high) {
  Token token;
  if (!read_integer(value, token)) return mismatch("int", value);
  if (token.negative || token.natural > high) return out_of_range(std::uint64_t{0}, high, value);
  return token.natural;
}

Expected<double> decode_real(PackedView value, std::string_view expected) {
  Token token;
  if (Reader(value).next(token) != Reader::Status::ok) return mismatch(expected, value);
  if (token.kind == Kind::real) return token.real;
  if (token.kind != Kind::integer) return mismatch(expected, value);
  return token.negative ? static_cast<double>(token.integer) : static_cast<double>(token.natural);
}

Expected<float> Codec<float>::decode(PackedView value) {
  auto wide = decode_real(value, name());
  if (!wide) return wide.failure();
  const auto narrow = static_cast<float>(*wide);
  if (std::isinf(narrow) && !std::isinf(*wide)) {
    return fail(Errc::value_error,
                "expected float in the range of 32 bits, found " + describe(value));
  }
  return narrow;
}

Expected<std::string_view> decode_body(PackedView value, Kind kind) {
  Token token;
  if (Reader(value).next(token) != Reader::Status::ok || token.kind != kind) {
    return mismatch(to_string(kind), value);
  }
  return token.body;
}

Expected<std::vector<std::byte>> Codec<std::vector<std::byte>>::decode(PackedView value) {
  auto body = decode_body(value, Kind::bytes);
  if (!body) return body.failure();
  const auto raw = std::as_bytes(std::span(*body));
  return std::vector<std::byte>(raw.begin(), raw.end());
}

std::optional<std::uint32_t> open_container(Reader& reader, Kind kind) {
  Token token;
  if (reader.next(token) != Reader::Status::ok || token.kind != kind) return std::nullopt;
  return token.count;
}

Failure wrong_list(PackedView found, const std::string& expected) {
  Reader reader(found);
  const auto count = open_container(reader, Kind::list);
  if (!count) return mismatch(expected, found);
  return fail(Errc::type_error,
              "expected " + expected + ", found list of length " + std::to_string(*count));
}

Failure duration_out_of_range(PackedView found) {
  return fail(Errc::value_error,
              "expected seconds in the range of the duration, found " + describe(found));
}

}  // namespace agora
