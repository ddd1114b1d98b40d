// SPDX-License-Identifier: MIT

#include "server/net/input.hpp"

#include <algorithm>
#include <utility>

#include "shared/base/ascii.hpp"

namespace agora {

std::span<char> Input::room(std::size_t announced) {
  make_room(bytes_.size() + 1, announced);
  const std::span<char> all = bytes_.room();
  return all.first(std::min({all.size(), missing_bytes(announced), kReadBytes}));
}

void Input::grow_by(std::size_t bytes) {
  const bool ascii = is_ascii(bytes_.room().data(), bytes);  // while they are in the CPU's cache
  ascii_ = ascii ? ascii_ + bytes : 0;
  bytes_.grow_by(bytes);
}

void Input::append(std::string_view bytes, std::size_t announced) {
  if (bytes.empty()) return;
  make_room(bytes_.size() + bytes.size(), announced);
  bytes_.append(bytes);
  ascii_ = 0;
}

/// Reserves space for the whole of a large message at once, so that it does not move as it grows;
/// memory that is never written costs nothing. A client may announce more than it sends, so at most
/// kAheadMax, or as much as has arrived already, is reserved ahead.
void Input::make_room(std::size_t held, std::size_t announced) {
  constexpr std::size_t kAheadMax = std::size_t{8} << 20;
  const std::size_t end = announced >= kLargeMessage ? begin_ + announced : 0;
  const std::size_t wanted = std::min(end, held + std::max(held, kAheadMax));
  if (wanted <= bytes_.capacity()) return;
  RawBytes larger = shared_.engine.spare_buffers().take(wanted);
  larger.reserve(wanted);
  larger.append(bytes_.view());
  bytes_ = std::move(larger);
}

void Input::keep_last(std::size_t left) {
  begin_ = bytes_.size() - left;
  if (left == 0) {
    bytes_ = {};
    begin_ = ascii_ = 0;
  } else if (begin_ > bytes_.size() / 2) {
    bytes_.drop_front(begin_);
    begin_ = 0;
  }
}

RawBytes* Input::buffer_ending_at(const char* end) {
  RawBytes& buffer = bytes_.empty() ? shared_.read_buffer : bytes_;
  const std::string_view held = buffer.view();
  return !held.empty() && held.data() + held.size() == end ? &buffer : nullptr;
}

}  // namespace agora
