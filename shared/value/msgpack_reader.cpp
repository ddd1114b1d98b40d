// SPDX-License-Identifier: MIT

#include "shared/value/msgpack_reader.hpp"

#include <bit>

#include "shared/value/big_endian.hpp"

namespace agora {
namespace {

// Each read_ function takes the bytes from the first byte of the token on, and returns the number
// of bytes of the token, or kTruncated.
constexpr std::size_t kTruncated = 0;

std::uint64_t load(const char* from, std::size_t width) {
  switch (width) {
    case 1:
      return load_big_endian<std::uint8_t>(from);
    case 2:
      return load_big_endian<std::uint16_t>(from);
    case 4:
      return load_big_endian<std::uint32_t>(from);
    default:
      return load_big_endian<std::uint64_t>(from);
  }
}

void set_natural(Token& token, std::uint64_t value) {
  token.kind = Kind::integer;
  token.natural = value;
  token.integer = static_cast<std::int64_t>(value);
}

void set_signed(Token& token, std::int64_t value) {
  if (value >= 0) {
    set_natural(token, static_cast<std::uint64_t>(value));
    return;
  }
  token.kind = Kind::integer;
  token.negative = true;
  token.integer = value;
}

// Sign-extends a number of `width` bytes to 64 bits.
std::int64_t widen(std::uint64_t bits, std::size_t width) {
  const std::size_t unused = 64 - 8 * width;
  return static_cast<std::int64_t>(bits << unused) >> unused;
}

std::size_t read_unsigned(std::string_view rest, std::size_t width, Token& token) {
  if (rest.size() < 1 + width) return kTruncated;
  set_natural(token, load(rest.data() + 1, width));
  return 1 + width;
}

std::size_t read_signed(std::string_view rest, std::size_t width, Token& token) {
  if (rest.size() < 1 + width) return kTruncated;
  set_signed(token, widen(load(rest.data() + 1, width), width));
  return 1 + width;
}

std::size_t read_real(std::string_view rest, std::size_t width, Token& token) {
  if (rest.size() < 1 + width) return kTruncated;
  token.kind = Kind::real;
  const std::uint64_t bits = load(rest.data() + 1, width);
  token.real = width == 4 ? double{std::bit_cast<float>(static_cast<std::uint32_t>(bits))}
                          : std::bit_cast<double>(bits);
  return 1 + width;
}

std::size_t read_body(std::string_view rest, std::size_t header, std::size_t length, Kind kind,
                      Token& token) {
  if (rest.size() - header < length) return kTruncated;
  token.kind = kind;
  token.body = rest.substr(header, length);
  return header + length;
}

std::size_t read_sized_body(std::string_view rest, std::size_t width, Kind kind, Token& token) {
  if (rest.size() < 1 + width) return kTruncated;
  return read_body(rest, 1 + width, load(rest.data() + 1, width), kind, token);
}

// The type number is the last byte of an extension's header.
std::size_t read_extension(std::string_view rest, std::size_t header, std::size_t length,
                           Token& token) {
  if (rest.size() < header) return kTruncated;
  const auto type = static_cast<std::int8_t>(rest[header - 1]);
  token.extension = type;
  token.unknown_extension = type != 1 && type != 2;
  return read_body(rest, header, length, type == 1 ? Kind::reference : Kind::opaque, token);
}

std::size_t read_sized_extension(std::string_view rest, std::size_t width, Token& token) {
  if (rest.size() < 2 + width) return kTruncated;
  return read_extension(rest, 2 + width, load(rest.data() + 1, width), token);
}

// Each element takes at least one byte, so a count above the number of bytes left is truncated.
std::size_t read_count(std::string_view rest, std::size_t header, std::uint64_t count, Kind kind,
                       Token& token) {
  const std::uint64_t values = kind == Kind::map ? 2 * count : count;
  if (rest.size() - header < values) return kTruncated;
  token.kind = kind;
  token.count = static_cast<std::uint32_t>(count);
  return header;
}

std::size_t read_sized_count(std::string_view rest, std::size_t width, Kind kind, Token& token) {
  if (rest.size() < 1 + width) return kTruncated;
  return read_count(rest, 1 + width, load(rest.data() + 1, width), kind, token);
}

std::size_t read_boolean(bool value, Token& token) {
  token.kind = Kind::boolean;
  token.boolean = value;
  return 1;
}

// The tags 0xc0 to 0xdf, without 0xc1. Widths double from one tag to the next within a family.
std::size_t read_tagged(std::string_view rest, std::uint8_t first, Token& token) {
  const auto width_from = [first](unsigned smallest) {
    return std::size_t{1} << (first - smallest);
  };
  if (first == 0xc0) return 1;
  if (first <= 0xc3) return read_boolean(first == 0xc3, token);
  if (first <= 0xc6) return read_sized_body(rest, width_from(0xc4), Kind::bytes, token);
  if (first <= 0xc9) return read_sized_extension(rest, width_from(0xc7), token);
  if (first <= 0xcb) return read_real(rest, width_from(0xca) * 4, token);
  if (first <= 0xcf) return read_unsigned(rest, width_from(0xcc), token);
  if (first <= 0xd3) return read_signed(rest, width_from(0xd0), token);
  if (first <= 0xd8) return read_extension(rest, 2, width_from(0xd4), token);
  if (first <= 0xdb) return read_sized_body(rest, width_from(0xd9), Kind::text, token);
  if (first <= 0xdd) return read_sized_count(rest, width_from(0xdc) * 2, Kind::list, token);
  return read_sized_count(rest, width_from(0xde) * 2, Kind::map, token);
}

std::size_t read_token(std::string_view rest, std::uint8_t first, Token& token) {
  if (first < 0x80) {
    set_natural(token, first);
    return 1;
  }
  if (first >= 0xe0) {
    set_signed(token, static_cast<std::int8_t>(first));
    return 1;
  }
  if (first < 0x90) return read_count(rest, 1, first & 0x0fU, Kind::map, token);
  if (first < 0xa0) return read_count(rest, 1, first & 0x0fU, Kind::list, token);
  if (first < 0xc0) return read_body(rest, 1, first & 0x1fU, Kind::text, token);
  return read_tagged(rest, first, token);
}

}  // namespace

Reader::Status Reader::next(Token& token) {
  token = Token{};
  if (at_end()) return Status::truncated;
  const auto first = static_cast<std::uint8_t>(bytes_[position_]);
  if (first == 0xc1) return Status::invalid;
  const std::size_t taken = read_token(rest(), first, token);
  if (taken == kTruncated) return Status::truncated;
  position_ += taken;
  return Status::ok;
}

bool Reader::skip() {
  Token token;
  for (std::uint64_t remaining = 1; remaining > 0; --remaining) {
    if (next(token) != Status::ok) return false;
    remaining += token.kind == Kind::map ? std::uint64_t{2} * token.count : token.count;
    // The elements that all open headers still announce must fit together, too.
    if (remaining - 1 > bytes_.size() - position_) return false;
  }
  return true;
}

PackedView Reader::value() {
  const std::size_t begin = position_;
  if (!skip()) return PackedView{};
  return PackedView{bytes_.substr(begin, position_ - begin)};
}

}  // namespace agora
