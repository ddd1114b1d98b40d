// SPDX-License-Identifier: MIT

// Acceptor: the part that both listeners share. It accepts connections, refuses them with a message
// beyond Limits::connections_max, and backs off when the process runs out of descriptors.
//
// It waits through Asio and accepts by itself. Asio's accept() does not set close-on-exec, so that
// a program which the embedding program starts would hold the connection open. Its async_accept()
// would run the handler of a second client behind the handlers of other connections.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "server/net/hub.hpp"
#include "server/net/listener.hpp"

namespace agora {

class Acceptor {
 public:
  /// Returns the peer of a new connection, or nullopt if the connection is refused.
  using IdentifyPeer = std::function<std::optional<Peer>(int fd)>;

  /// @param listening  a listening, non-blocking socket
  Acceptor(Hub& hub, ListeningSocket listening, IdentifyPeer identify, LogFn log);
  ~Acceptor() { stop(); }
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  void start();
  void stop();
  /// Accepts all clients that have connected by now.
  void accept_all();

 private:
  void accept_one(Descriptor socket);
  void back_off();

  Hub& hub_;
  ListeningSocket listening_;
  asio::generic::stream_protocol protocol_;
  // Held in reserve for when descriptors run out. back_off() closes it, accepts one connection in
  // its place and closes that at once, so that the client sees an end instead of hanging in the
  // backlog.
  Descriptor reserve_;
  SteadyTimer retry_;
  IdentifyPeer identify_;
  LogFn log_;
  std::shared_ptr<int> alive_ = std::make_shared<int>();  // tells posted tasks whether *this exists
};

}  // namespace agora
