// Inbox: the bytes that have come from the server, cut into messages. No I/O of its own.
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

/// Believes nothing: memory grows with what has come, never with what a header promises.
class Inbox {
 public:
  explicit Inbox(const Limits& limits = {});

  /// Where the next bytes go; never empty. Invalidates the views of earlier messages.
  std::span<char> space();
  /// So many bytes were written to space().
  void filled(std::size_t bytes) { end_ += bytes; }

  /// The next whole message, whose views live until space(); nothing if more bytes are needed.
  /// @error invalid_request, too_large  the stream makes no sense any more; final.
  Expected<std::optional<ServerMessage>> next();

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_;
  std::size_t begin_ = 0;  // of the current message
  std::size_t end_ = 0;    // behind the last byte that came
  MsgpackFramer framer_;
};

}  // namespace agora::detail
