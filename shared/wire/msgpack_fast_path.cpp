// SPDX-License-Identifier: MIT

#include "shared/wire/msgpack_fast_path.hpp"

#include <algorithm>

#include "shared/base/ascii.hpp"
#include "shared/value/big_endian.hpp"

namespace agora {
namespace {

/// A cursor over the front of the buffer; each step returns false if it does not match.
class Cursor {
 public:
  /// @param ascii  the bytes from here on are known to be ASCII
  Cursor(std::string_view bytes, const char* ascii)
      : at_(bytes.data()), end_(at_ + bytes.size()), ascii_(ascii) {}

  bool byte(unsigned char& value) {
    if (at_ == end_) return false;
    value = static_cast<unsigned char>(*at_++);
    return true;
  }
  /// Reads a number of 1, 2, 4 or 8 bytes.
  bool big_endian(std::size_t width, std::uint64_t& value) {
    if (left() < width) return false;
    switch (width) {
      case 1:
        value = load_big_endian<std::uint8_t>(at_);
        break;
      case 2:
        value = load_big_endian<std::uint16_t>(at_);
        break;
      case 4:
        value = load_big_endian<std::uint32_t>(at_);
        break;
      default:
        value = load_big_endian<std::uint64_t>(at_);
    }
    at_ += width;
    return true;
  }
  bool skip(std::size_t count) {
    if (left() < count) return false;
    at_ += count;
    return true;
  }
  /// Returns how many of the bytes skipped since `from` are not known to be ASCII.
  std::size_t unchecked_since(const char* from) const {
    return static_cast<std::size_t>(std::clamp(ascii_, from, at_) - from);
  }
  const char* at() const { return at_; }
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }

 private:
  const char* at_;
  const char* end_;
  const char* ascii_;
};

/// Reads ASCII text with a header of the shortest form; declines other text.
bool long_text(Cursor& cursor, unsigned char first, std::string_view& body) {
  static constexpr std::uint64_t kLeast[] = {0x20, 0x100, 0x10000};
  if (first < 0xd9 || first > 0xdb) return false;
  const std::size_t step = first - std::size_t{0xd9};
  std::uint64_t length = 0;
  if (!cursor.big_endian(std::size_t{1} << step, length) || length < kLeast[step]) return false;
  body = {cursor.at(), static_cast<std::size_t>(length)};
  return cursor.skip(body.size()) && is_ascii(body.data(), cursor.unchecked_since(body.data()));
}

inline bool text(Cursor& cursor, unsigned char first, std::string_view& body) {
  if ((first & 0xe0U) != 0xa0) return long_text(cursor, first, body);
  body = {cursor.at(), first & 0x1fU};
  return cursor.skip(body.size()) && is_ascii(body.data(), body.size());
}

inline bool message_id(Cursor& cursor, std::uint32_t& id) {
  unsigned char first = 0;
  if (!cursor.byte(first)) return false;
  if (first < 0x80) {
    id = first;
    return true;
  }
  if (first < 0xcc || first > 0xce) return false;
  std::uint64_t value = 0;
  if (!cursor.big_endian(std::size_t{1} << (first - 0xcc), value)) return false;
  id = static_cast<std::uint32_t>(value);
  return true;
}

/// Reads bytes with a header of the shortest form.
bool binary(Cursor& cursor, unsigned char first) {
  static constexpr std::uint64_t kLeast[] = {0, 0x100, 0x10000};
  const std::size_t step = first - std::size_t{0xc4};
  std::uint64_t length = 0;
  return cursor.big_endian(std::size_t{1} << step, length) && length >= kLeast[step] &&
         cursor.skip(static_cast<std::size_t>(length));
}

/// Reads an unsigned int in shortest form.
bool natural(Cursor& cursor, unsigned char first) {
  static constexpr std::uint64_t kLeast[] = {0x80, 0x100, 0x10000, 0x100000000U};
  std::uint64_t value = 0;
  const std::size_t step = first - std::size_t{0xcc};
  return cursor.big_endian(std::size_t{1} << step, value) && value >= kLeast[step];
}

/// Reads a scalar other than short text.
bool other_scalar(Cursor& cursor, unsigned char first) {
  const bool alone =
      first < 0x80 || first >= 0xe0 || first == 0xc0 || first == 0xc2 || first == 0xc3;
  if (alone) return true;
  std::string_view body;
  if (first == 0xcb) return cursor.skip(8);
  if (first >= 0xcc && first <= 0xcf) return natural(cursor, first);
  if (first >= 0xc4 && first <= 0xc6) return binary(cursor, first);
  return long_text(cursor, first, body);
}

inline bool scalar(Cursor& cursor, PackedView& value) {
  const char* begin = cursor.at();
  unsigned char first = 0;
  if (!cursor.byte(first)) return false;
  std::string_view body;
  const bool is_short_text = (first & 0xe0U) == 0xa0;
  if (!(is_short_text ? text(cursor, first, body) : other_scalar(cursor, first))) return false;
  value = PackedView{{begin, static_cast<std::size_t>(cursor.at() - begin)}};
  return true;
}

}  // namespace

bool read_simple_call(std::string_view buffer, SimpleCall& call, std::size_t ascii_bytes) {
  Cursor cursor{buffer, buffer.data() + (buffer.size() - ascii_bytes)};
  unsigned char first = 0;
  if (!cursor.byte(first) || first != 0x94) return false;
  if (!cursor.byte(first) || first != 0x00) return false;
  if (!message_id(cursor, call.id)) return false;
  if (!cursor.byte(first) || !text(cursor, first, call.method)) return false;
  if (!cursor.byte(first) || (first & 0xf0U) != 0x90) return false;
  call.count = first & 0x0fU;
  if (call.count > call.values.size()) return false;
  for (std::size_t i = 0; i < call.count; ++i) {
    if (!scalar(cursor, call.values[i])) return false;
  }
  call.frame_bytes = buffer.size() - cursor.left();
  return true;
}

}  // namespace agora
