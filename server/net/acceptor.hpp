// SPDX-License-Identifier: MIT

// Acceptor: the part that both listeners share. It accepts connections, refuses them with a message
// beyond Limits::connections_max, and backs off when the process runs out of descriptors.
#pragma once

#include <functional>
#include <optional>

#include "server/net/hub.hpp"
#include "server/net/listener.hpp"

namespace agora {

class Acceptor : public Loop::Watcher {
 public:
  /// Returns the peer of a new connection, or nullopt if the connection is refused.
  using IdentifyPeer = std::function<std::optional<Peer>(int fd)>;

  /// @param listening  a listening, non-blocking socket
  Acceptor(Hub& hub, Descriptor listening, IdentifyPeer identify, LogFn log);
  ~Acceptor() { stop(); }
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  void start();
  void stop();
  void on_ready(std::uint32_t events) override;

 private:
  void accept_one(Descriptor socket);
  void back_off();

  Hub& hub_;
  Descriptor listening_;
  // Held in reserve for when descriptors run out. back_off() closes it, accepts one connection in
  // its place and closes that at once, so that the client sees an end instead of hanging in the
  // backlog.
  Descriptor reserve_;
  Timer retry_;
  IdentifyPeer identify_;
  LogFn log_;
};

}  // namespace agora
