// SPDX-License-Identifier: MIT

#include "client/src/transport/inbox.hpp"

#include <cstring>
#include <string_view>
#include <utility>

namespace agora::detail {
namespace {

constexpr std::size_t kSmallBytes = 16 * 1024;
/// A buffer that grew beyond this for one large reply is freed once it is empty.
constexpr std::size_t kKeptBytes = 1 << 20;

}  // namespace

Inbox::Inbox(const Limits& limits)
    : bytes_(new char[kSmallBytes]), capacity_(kSmallBytes), framer_(FrameBounds(limits)) {}

std::span<char> Inbox::space() {
  const std::size_t held = end_ - begin_;
  if (held == 0) {
    begin_ = end_ = 0;
    if (capacity_ > kKeptBytes) {
      bytes_.reset(new char[kSmallBytes]);
      capacity_ = kSmallBytes;
    }
  } else if (capacity_ - end_ < capacity_ / 4) {
    // Growing before moving keeps the cost of a large message linear.
    const std::size_t wanted = held > capacity_ / 2 ? capacity_ * 2 : capacity_;
    if (wanted == capacity_) {
      std::memmove(bytes_.get(), bytes_.get() + begin_, held);
    } else {
      std::unique_ptr<char[]> larger(new char[wanted]);
      std::memcpy(larger.get(), bytes_.get() + begin_, held);
      bytes_ = std::move(larger);
      capacity_ = wanted;
    }
    begin_ = 0;
    end_ = held;
  }
  return {bytes_.get() + end_, capacity_ - end_};
}

Expected<std::optional<ServerMessage>> Inbox::next() {
  const std::string_view rest(bytes_.get() + begin_, end_ - begin_);
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
