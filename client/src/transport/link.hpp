// Link: one connection of a session. When it breaks, the session goes on with another.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "client/src/transport/channel.hpp"
#include "client/src/transport/inbox.hpp"
#include "client/src/transport/socket.hpp"

namespace agora::detail {

/// The session's mutex guards it, but for `inbox`, which belongs to who is `reading`.
struct Link {
  explicit Link(std::unique_ptr<Socket> socket) : channel(std::move(socket)) {}

  Channel channel;
  Inbox inbox;
  bool reading = false;  ///< somebody has the baton
  bool sending = false;  ///< one thread writes at a time
  std::string outbox;    ///< whole messages that wait to be written, but for a begun first one
};

/// A socket write's vector of one text.
inline iovec part(std::string_view bytes) {
  return {const_cast<char*>(bytes.data()), bytes.size()};
}

}  // namespace agora::detail
