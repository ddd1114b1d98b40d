// SPDX-License-Identifier: MIT

// Acceptor: the part that both listeners share. It accepts connections, refuses them with a message
// beyond Limits::connections_max, and backs off when the process runs out of descriptors.
//
// A full server does not refuse a client that comes after another one has left. The acceptor first
// takes some clients from the backlog, and only then looks which connections have been closed by
// their peers: whatever client left before one of the new ones came is seen. The new ones are held
// until the calls of those connections have run. The look costs a poll of all connections, so there
// is a pause after each refusal.
//
// It waits through Asio and accepts by itself. Asio's accept() does not set close-on-exec, so that
// a program which the embedding program starts would hold the connection open. Its async_accept()
// would run the handler of a second client behind the handlers of other connections.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "server/net/hub.hpp"
#include "server/net/listener.hpp"

namespace agora {

class Acceptor {
 public:
  /// Returns the peer of a new connection, or nullopt if the connection is refused.
  using IdentifyPeer = std::function<std::optional<Peer>(int fd)>;

  /// Connections, beyond Limits::connections_max, that are kept for the Unix socket: clients over
  /// TCP cannot lock the server's user out.
  static constexpr std::ptrdiff_t kKept = 32;

  /// @param listening  a listening, non-blocking socket
  /// @param kept  kKept: it may use the connections that are kept; -kKept: it leaves descriptors
  ///   for them
  Acceptor(Hub& hub, ListeningSocket listening, IdentifyPeer identify, std::ptrdiff_t kept);
  ~Acceptor() { stop(); }
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  void start();
  void stop();
  /// Accepts all clients that have connected by now.
  void accept_all();

 private:
  void accept_some();
  bool accept_to_hold();
  void place_held();
  void accept_one(Descriptor socket);
  void refuse_held();
  void back_off(int problem);
  void go_on_after(std::chrono::milliseconds pause);
  void enter(void (Acceptor::*step)());
  void post(void (Acceptor::*step)());

  Hub& hub_;
  ListeningSocket listening_;
  asio::generic::stream_protocol protocol_;
  // Kept for when descriptors run out. back_off() closes it, accepts one connection in its place,
  // tells it the reason and closes it, so that the client does not hang in the backlog.
  Descriptor reserve_;
  std::vector<Descriptor> held_;  // accepted while the server was full
  SteadyTimer retry_;
  IdentifyPeer identify_;
  std::ptrdiff_t kept_;
  std::shared_ptr<int> alive_ = std::make_shared<int>();  // tells posted tasks whether *this exists
};

}  // namespace agora
