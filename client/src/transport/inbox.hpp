// SPDX-License-Identifier: MIT

// Inbox: the receive buffer of a connection, decoded into messages. It does no I/O.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include "shared/base/expected.hpp"
#include "shared/base/limits.hpp"
#include "shared/wire/framing.hpp"
#include "shared/wire/msgpack_client.hpp"

namespace agora::detail {

/// Trusts no length field: the buffer grows with the bytes received, not with the announced size of
/// a message.
class Inbox {
 public:
  explicit Inbox(const Limits& limits = {});

  /// Returns the space for the next bytes; never empty. Invalidates the views of earlier messages.
  std::span<char> space();
  /// Notes that `bytes` bytes were written to space().
  void filled(std::size_t bytes) { end_ += bytes; }

  /// Returns the next whole message, whose views are valid until space(); nullopt if more bytes are
  /// needed. @error invalid_request, too_large  the stream cannot be decoded any further.
  Expected<std::optional<ServerMessage>> next();

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_;
  std::size_t begin_ = 0;  // of the current message
  std::size_t end_ = 0;    // one past the last byte received
  MsgpackFramer framer_;
};

}  // namespace agora::detail
