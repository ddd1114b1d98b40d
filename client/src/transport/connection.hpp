// SPDX-License-Identifier: MIT

// Connection: one connection of a session. When it breaks, the session goes on with another.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "client/src/transport/channel.hpp"
#include "client/src/transport/inbox.hpp"
#include "client/src/transport/socket.hpp"

namespace agora::detail {

/// The session's mutex guards it, with two exceptions. The thread that has set `sending` or
/// `reading` uses `channel` without the mutex. `inbox` belongs to the reading thread.
struct Connection {
  explicit Connection(std::unique_ptr<Socket> socket) : channel(std::move(socket)) {}
  explicit Connection(Dialed dialed) : channel(std::move(dialed)) {}

  Channel channel;
  Inbox inbox;
  bool reading = false;  ///< a thread has the baton
  bool sending = false;  ///< one thread writes at a time
  std::string outbox;    ///< messages to be written; the first may be partly sent
};

/// Returns one element of a gather write.
inline iovec part(std::string_view bytes) {
  return {const_cast<char*>(bytes.data()), bytes.size()};
}

}  // namespace agora::detail
