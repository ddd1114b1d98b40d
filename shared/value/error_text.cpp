// SPDX-License-Identifier: MIT

#include "shared/value/error_text.hpp"

#include <cstdint>

#include "shared/value/describe.hpp"
#include "shared/value/msgpack_reader.hpp"
#include "shared/value/msgpack_writer.hpp"
#include "shared/value/utf8.hpp"

namespace agora {
namespace {

bool is_own_list(const Detail& detail) {
  return detail.name == "released" || detail.name == "cycle";
}

/// Cuts a detail that is too long.
void bound_detail(Detail& detail) {
  const std::size_t most = is_own_list(detail) ? kListDetailBytesMax : kDetailBytesMax;
  if (detail.packed.size() <= most) return;
  const PackedView value{detail.packed};
  Token token;
  std::string packed;
  if (value.kind() == Kind::text && Reader{value}.next(token) == Reader::Status::ok) {
    Writer{packed}.text(shown(token.body, kDetailBytesMax - 16));  // with its header and the dots
  } else if (!is_own_list(detail)) {
    Writer{packed}.text(describe(value));
  }
  detail.packed = std::move(packed);
}

}  // namespace

std::string_view cut_text(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  std::size_t end = most;
  while (end > 0 && (static_cast<std::uint8_t>(text[end]) & 0xc0U) == 0x80U) --end;
  return text.substr(0, end);
}

std::string shown(std::string_view text, std::size_t most) {
  std::string result{cut_text(text, most)};
  if (!is_utf8(result)) {
    for (char& byte : result) {
      if (static_cast<std::uint8_t>(byte) >= 0x80) byte = '?';
    }
  }
  if (text.size() > most) result += "...";
  return result;
}

void bound_error(Error& error) {
  if (error.message.size() > kMessageBytesMax || !is_utf8(error.message)) {
    error.message = shown(error.message, kMessageBytesMax - 3);
  }
  for (Detail& detail : error.details) bound_detail(detail);
}

}  // namespace agora
