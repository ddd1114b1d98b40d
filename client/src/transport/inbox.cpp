// SPDX-License-Identifier: MIT

#include "client/src/transport/inbox.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace agora::detail {
namespace {

constexpr std::size_t kSmallBytes = 16 * 1024;
/// A buffer that grew beyond this for one large reply is freed once it is empty.
constexpr std::size_t kKeptBytes = 1 << 20;
/// The most memory that is reserved for bytes that are only announced, or as much as is held.
constexpr std::size_t kAheadBytes = 8 << 20;

}  // namespace

Inbox::Inbox(const Limits& limits) : framer_(FrameBounds(limits)) {
  allow(limits.frame_bytes_max);
  bytes_.reserve(kSmallBytes);
}

std::span<char> Inbox::space() {
  const std::size_t held = bytes_.size() - begin_;
  const std::size_t capacity = bytes_.capacity();
  if (held == 0) {
    begin_ = 0;
    bytes_.clear();
    if (capacity > kKeptBytes) {
      bytes_ = {};
      bytes_.reserve(kSmallBytes);
    }
  } else if (capacity - bytes_.size() < capacity / 4) {
    // The capacity at least doubles, so the cost of a large message is linear. It grows ahead of
    // the bytes only as far as the message is announced.
    const std::size_t most = held + std::max(held, kAheadBytes);
    const std::size_t announced = std::min(framer_.announced_bytes(), most);
    const std::size_t wanted = held > capacity / 2 ? capacity * 2 : capacity;
    if (begin_ > 0) bytes_.drop_front(begin_);
    begin_ = 0;
    bytes_.reserve(std::max(wanted, announced));
  }
  return bytes_.room();
}

Expected<std::optional<ServerMessage>> Inbox::next() {
  const std::string_view rest = bytes_.view().substr(begin_);
  if (rest.empty()) return std::optional<ServerMessage>();
  switch (framer_.scan(rest)) {
    case FrameStatus::need_more:
      return std::optional<ServerMessage>();
    case FrameStatus::broken:
      return fail(framer_.error());
    case FrameStatus::frame:
      break;
  }
  const std::size_t size = framer_.frame_bytes();
  auto message = decode_server_message(rest.substr(0, size));
  begin_ += size;
  if (!message) return message.failure();
  return std::optional<ServerMessage>(std::move(*message));
}

}  // namespace agora::detail
