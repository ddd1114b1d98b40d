// SPDX-License-Identifier: MIT

// Input: the bytes of a connection that were read and that its protocol has not taken yet.
//
// Whole messages are parsed in the shared read buffer and never come here. The rest of a message is
// copied behind the bytes of earlier reads; a large message is read straight to its place.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "server/net/dialogue_context.hpp"

namespace agora {

/// From this size on, in bytes, a message is large: it is read to one buffer. On the fast path
/// it stays there until the machine has run its call.
inline constexpr std::size_t kLargeMessage = std::size_t{16} << 10;

class Input {
 public:
  explicit Input(DialogueContext& shared) : shared_(shared) {}

  bool empty() const { return bytes_.empty(); }
  /// Returns the bytes that it holds, with the part that the protocol has taken.
  std::size_t bytes() const { return bytes_.size(); }
  /// Returns the bytes that the protocol has not taken yet.
  std::string_view rest() const { return bytes_.view().substr(begin_); }

  /// Returns how many bytes of a large message are still to be read, or 0 if none is under way.
  /// @param announced  length of the current message as far as its headers tell, bytes; 0: unknown
  std::size_t missing_bytes(std::size_t announced) const {
    if (announced < kLargeMessage) return 0;
    const std::size_t end = begin_ + announced;
    return end > bytes_.size() ? end - bytes_.size() : 0;
  }

  /// Returns the space for the next read of a large message: up to its end, at most kReadBytes.
  std::span<char> room(std::size_t announced);
  /// Takes in bytes that were read to room().
  void grow_by(std::size_t bytes);
  /// Appends bytes of the shared read buffer.
  void append(std::string_view bytes, std::size_t announced);
  /// Drops all but the last `left` bytes. An empty input holds no memory.
  void keep_last(std::size_t left);

  /// Drops the bytes behind the last line feed.
  void drop_unfinished_line();

  /// Returns how many of the last bytes are known to be ASCII.
  std::size_t ascii_bytes() const { return ascii_; }
  /// Returns the buffer whose content ends at `end`; null if none does. Its memory can be given
  /// away with the message that ends there.
  RawBytes* buffer_ending_at(const char* end);

 private:
  void make_room(std::size_t held, std::size_t announced);

  DialogueContext& shared_;
  RawBytes bytes_;
  std::size_t begin_ = 0;  // offset of the bytes that were not taken yet
  std::size_t ascii_ = 0;  // see ascii_bytes()
};

}  // namespace agora
