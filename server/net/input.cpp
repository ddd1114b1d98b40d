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

/// Makes room for `held` bytes. Reserves space for the whole of a large message at once, so that it
/// does not move as it grows; memory that is never written costs nothing. A client may announce
/// more than it sends, so at most kAheadMax, or as much as has arrived already, is reserved ahead.
/// The buffer grows only once it is full: its size at least doubles, and a message costs linear
/// time.
void Input::make_room(std::size_t held, std::size_t announced) {
  constexpr std::size_t kAheadMax = std::size_t{8} << 20;
  if (held <= bytes_.capacity()) return;
  const std::size_t end = announced >= kLargeMessage ? begin_ + announced : 0;
  const std::size_t wanted = std::min(end, held + std::max(held, kAheadMax));
  if (wanted <= bytes_.capacity()) return;
  SpareBuffers& spares = shared_.engine.spare_buffers();
  RawBytes larger = spares.take(wanted);
  if (larger.capacity() == 0) return bytes_.reserve(wanted);
  larger.append(bytes_.view());
  std::swap(bytes_, larger);
  if (larger.capacity() >= kLargeMessage) spares.keep(std::move(larger));
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

void Input::drop_unfinished_line() {
  const std::string_view held = rest();
  const std::size_t kept = held.rfind('\n') + 1;  // npos + 1 is 0
  bytes_.drop_back(held.size() - kept);
  ascii_ = 0;
  if (kept == 0) keep_last(0);
}

RawBytes* Input::buffer_ending_at(const char* end) {
  RawBytes& buffer = bytes_.empty() ? shared_.read_buffer : bytes_;
  const std::string_view held = buffer.view();
  return !held.empty() && held.data() + held.size() == end ? &buffer : nullptr;
}

}  // namespace agora
