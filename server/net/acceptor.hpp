// Acceptor: what both listeners share: accepts, refuses politely when there are too many, and
// neither spins nor stops when the process runs out of descriptors.
#pragma once

#include <functional>
#include <optional>

#include "server/net/hub.hpp"
#include "server/net/listener.hpp"

namespace agora {

class Acceptor : public Loop::Watcher {
 public:
  /// Says who is at the other end of a new connection; nothing: not to be let in.
  using IdentifyPeer = std::function<std::optional<Peer>(int fd)>;

  /// @param listening  a socket that listens, not blocking
  Acceptor(Hub& hub, Descriptor listening, IdentifyPeer introduce, LogFn complain);
  ~Acceptor() { stop(); }
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  void start();
  void stop();
  void on_ready(std::uint32_t events) override;

 private:
  void accept_one(Descriptor socket);
  void fail();

  Hub& hub_;
  Descriptor listening_;
  // Hold back, and given up for a moment so that a connection that cannot be served is closed
  // rather than left to hang.
  Descriptor spare_;
  Timer retry_;
  IdentifyPeer introduce_;
  LogFn log_;
};

}  // namespace agora
