#include "shared/wire/msgpack_quick.hpp"

#include <cstring>

namespace agora {
namespace {

/// Walks over the front of the buffer; every step says whether it could be made.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : at_(bytes.data()), end_(at_ + bytes.size()) {}

  bool byte(unsigned char& value) {
    if (at_ == end_) return false;
    value = static_cast<unsigned char>(*at_++);
    return true;
  }
  bool big_endian(std::size_t width, std::uint64_t& value) {
    if (left() < width) return false;
    value = 0;
    for (std::size_t i = 0; i < width; ++i) {
      value = value << 8 | static_cast<unsigned char>(at_[i]);
    }
    at_ += width;
    return true;
  }
  bool skip(std::size_t count) {
    if (left() < count) return false;
    at_ += count;
    return true;
  }
  const char* at() const { return at_; }
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }

 private:
  const char* at_;
  const char* end_;
};

bool is_ascii(const char* text, std::size_t length) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080U;
  while (length >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text, 8);
    if ((word & kHighBits) != 0) return false;
    text += 8;
    length -= 8;
  }
  for (; length > 0; --length, ++text) {
    if (static_cast<unsigned char>(*text) >= 0x80) return false;
  }
  return true;
}

/// Text whose header says the shortest length; other text is for the decoder.
bool text(Cursor& cursor, unsigned char first, std::string_view& body) {
  static constexpr std::uint64_t kLeast[] = {0x20, 0x100, 0x10000};
  std::uint64_t length = first & 0x1fU;
  if (first >= 0xd9 && first <= 0xdb) {
    const std::size_t step = first - std::size_t{0xd9};
    if (!cursor.big_endian(std::size_t{1} << step, length) || length < kLeast[step]) return false;
  } else if ((first & 0xe0U) != 0xa0) {
    return false;
  }
  body = {cursor.at(), static_cast<std::size_t>(length)};
  return cursor.skip(static_cast<std::size_t>(length)) && is_ascii(body.data(), body.size());
}

bool message_id(Cursor& cursor, std::uint32_t& id) {
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

/// Bytes whose header says the shortest length.
bool binary(Cursor& cursor, unsigned char first) {
  static constexpr std::uint64_t kLeast[] = {0, 0x100, 0x10000};
  const std::size_t step = first - std::size_t{0xc4};
  std::uint64_t length = 0;
  return cursor.big_endian(std::size_t{1} << step, length) && length >= kLeast[step] &&
         cursor.skip(static_cast<std::size_t>(length));
}

/// An unsigned int that needs its width.
bool natural(Cursor& cursor, unsigned char first) {
  static constexpr std::uint64_t kLeast[] = {0x80, 0x100, 0x10000, 0x100000000U};
  std::uint64_t value = 0;
  const std::size_t step = first - std::size_t{0xcc};
  return cursor.big_endian(std::size_t{1} << step, value) && value >= kLeast[step];
}

bool scalar(Cursor& cursor, PackedView& value) {
  const char* begin = cursor.at();
  unsigned char first = 0;
  if (!cursor.byte(first)) return false;
  const bool alone =
      first < 0x80 || first >= 0xe0 || first == 0xc0 || first == 0xc2 || first == 0xc3;
  if (!alone) {
    std::string_view body;
    const bool whole = first == 0xcb                    ? cursor.skip(8)
                       : first >= 0xcc && first <= 0xcf ? natural(cursor, first)
                       : first >= 0xc4 && first <= 0xc6 ? binary(cursor, first)
                                                        : text(cursor, first, body);
    if (!whole) return false;
  }
  value = PackedView{{begin, static_cast<std::size_t>(cursor.at() - begin)}};
  return true;
}

}  // namespace

bool read_quick_call(std::string_view buffer, QuickCall& call) {
  Cursor cursor{buffer};
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
