// SPDX-License-Identifier: MIT

// Inbox: the receive buffer of a connection, decoded into messages. It does no I/O.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "shared/base/expected.hpp"
#include "shared/base/limits.hpp"
#include "shared/base/raw_bytes.hpp"
#include "shared/wire/framing.hpp"
#include "shared/wire/msgpack_client.hpp"

namespace agora::detail {

/// Trusts no length field: the buffer grows with the bytes received, not with the announced size of
/// a message.
class Inbox {
 public:
  explicit Inbox(const Limits& limits = {});

  /// Allows messages for which the server's limit is `frame_bytes_max`. A reply may be larger than
  /// the largest call, by the bytes around its result.
  void allow(std::size_t frame_bytes_max) { framer_.allow(frame_bytes_max + kEnvelopeBytesMax); }

  /// Returns true if no byte of an incomplete message is held.
  bool empty() const { return begin_ == bytes_.size(); }
  /// Returns the bytes of the last reads, decoded messages included.
  std::string_view held() const { return bytes_.view(); }
  /// Returns the space for the next bytes; never empty. Invalidates the views of earlier messages.
  std::span<char> space();
  /// Notes that `bytes` bytes were written to space().
  void filled(std::size_t bytes) { bytes_.grow_by(bytes); }

  /// Returns the next whole message, whose views are valid until space(); nullopt if more bytes are
  /// needed. @error invalid_request, too_large  the stream cannot be decoded any further.
  Expected<std::optional<ServerMessage>> next();

 private:
  static constexpr std::size_t kEnvelopeBytesMax = 8192;

  RawBytes bytes_;
  std::size_t begin_ = 0;  // of the current message
  MsgpackFramer framer_;
};

}  // namespace agora::detail
