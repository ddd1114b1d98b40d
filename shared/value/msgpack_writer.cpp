// SPDX-License-Identifier: MIT

#include "shared/value/msgpack_writer.hpp"

#include <bit>
#include <limits>

#include "shared/base/assert.hpp"
#include "shared/value/big_endian.hpp"

namespace agora {
namespace {

void append_byte(std::string& out, unsigned byte) { out.push_back(static_cast<char>(byte)); }

std::uint32_t length_of(std::string_view body) {
  AGORA_ASSERT(body.size() <= std::numeric_limits<std::uint32_t>::max());
  return static_cast<std::uint32_t>(body.size());
}

// The header of text and bytes beyond fixstr; the tags for 8, 16 and 32 bits are consecutive.
void append_length(std::string& out, std::uint8_t tag8, std::uint32_t length) {
  if (length < 0x100) {
    append_big_endian(out, tag8, static_cast<std::uint8_t>(length));
  } else if (length < 0x10000) {
    append_big_endian(out, static_cast<std::uint8_t>(tag8 + 1), static_cast<std::uint16_t>(length));
  } else {
    append_big_endian(out, static_cast<std::uint8_t>(tag8 + 2), length);
  }
}

void append_count(std::string& out, unsigned fix_tag, std::uint8_t tag16, std::uint32_t count) {
  if (count < 16) {
    append_byte(out, fix_tag | count);
  } else if (count < 0x10000) {
    append_big_endian(out, tag16, static_cast<std::uint16_t>(count));
  } else {
    append_big_endian(out, static_cast<std::uint8_t>(tag16 + 1), count);
  }
}

void append_negative(std::string& out, std::int64_t value) {
  if (value >= -32) {
    append_byte(out, static_cast<std::uint8_t>(value));
  } else if (value >= std::numeric_limits<std::int8_t>::min()) {
    append_big_endian(out, 0xd0, static_cast<std::uint8_t>(value));
  } else if (value >= std::numeric_limits<std::int16_t>::min()) {
    append_big_endian(out, 0xd1, static_cast<std::uint16_t>(value));
  } else if (value >= std::numeric_limits<std::int32_t>::min()) {
    append_big_endian(out, 0xd2, static_cast<std::uint32_t>(value));
  } else {
    append_big_endian(out, 0xd3, static_cast<std::uint64_t>(value));
  }
}

}  // namespace

void Writer::null() { append_byte(out_, 0xc0); }

void Writer::boolean(bool value) { append_byte(out_, value ? 0xc3 : 0xc2); }

void Writer::integer(std::int64_t value) {
  if (value < 0) {
    append_negative(out_, value);
  } else {
    unsigned_integer(static_cast<std::uint64_t>(value));
  }
}

void Writer::unsigned_integer(std::uint64_t value) {
  if (value < 0x80) {
    append_byte(out_, static_cast<unsigned>(value));
  } else if (value <= std::numeric_limits<std::uint8_t>::max()) {
    append_big_endian(out_, 0xcc, static_cast<std::uint8_t>(value));
  } else if (value <= std::numeric_limits<std::uint16_t>::max()) {
    append_big_endian(out_, 0xcd, static_cast<std::uint16_t>(value));
  } else if (value <= std::numeric_limits<std::uint32_t>::max()) {
    append_big_endian(out_, 0xce, static_cast<std::uint32_t>(value));
  } else {
    append_big_endian(out_, 0xcf, value);
  }
}

void Writer::real(double value) {
  append_big_endian(out_, 0xcb, std::bit_cast<std::uint64_t>(value));
}

void Writer::text(std::string_view utf8) {
  if (utf8.size() < 32) {
    append_byte(out_, 0xa0 | static_cast<unsigned>(utf8.size()));
  } else {
    append_length(out_, 0xd9, length_of(utf8));
  }
  out_.append(utf8);
}

void Writer::bytes(std::string_view raw) {
  append_length(out_, 0xc4, length_of(raw));
  out_.append(raw);
}

void Writer::list(std::uint32_t count) { append_count(out_, 0x90, 0xdc, count); }

void Writer::map(std::uint32_t count) { append_count(out_, 0x80, 0xde, count); }

void Writer::reference(std::string_view name) { extension(1, name); }

void Writer::opaque(std::string_view payload) { extension(2, payload); }

void Writer::extension(std::int8_t type, std::string_view body) {
  switch (body.size()) {
    case 1:
    case 2:
    case 4:
    case 8:
    case 16:
      append_byte(out_, 0xd4U + static_cast<unsigned>(std::countr_zero(body.size())));
      break;
    default:
      append_length(out_, 0xc7, length_of(body));
  }
  append_byte(out_, static_cast<std::uint8_t>(type));
  out_.append(body);
}

}  // namespace agora
