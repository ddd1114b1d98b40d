// Connection: a socket and its dialogue. Reads when there is something, sends answers directly
// from the turn that made them, and waits for room only after the kernel has said that there is
// none.
#pragma once

#include <memory>
#include <vector>

#include <asio/generic/stream_protocol.hpp>

#include "server/net/dialogue.hpp"
#include "server/net/hub.hpp"

namespace agora {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Socket = asio::generic::stream_protocol::socket;

  Connection(Hub& hub, Socket socket, Peer peer);

  LinkId link() const { return dialogue_.link(); }
  Dialogue& dialogue() { return dialogue_; }

  /// The process at the other end, if the kernel vouches for it; else 0.
  std::int64_t proven_pid() const { return proven_pid_; }

  void start() { wait_readable(); }
  /// That process is dead: takes what it had sent, but for calls that would wait or hand
  /// something out.
  void drain();
  /// Sends what the dialogue has to say, as much as the kernel takes.
  void flush();
  /// The next bytes that are sent carry a copy of this descriptor; at most 250 go along.
  void pass_on(int descriptor) { descriptors_.push_back(descriptor); }
  /// The end, from outside.
  void close();

  bool touched = false;  ///< the hub's mark: stands in its list of this turn

 private:
  void wait_readable();
  void wait_writable();
  void on_readable();
  bool read_some();
  void run_rest();
  void go_on();
  void after_turn();
  bool send_some();

  Hub& hub_;
  Socket socket_;
  std::int64_t proven_pid_;
  std::vector<int> descriptors_;  // to go with the next bytes
  Dialogue dialogue_;
  bool reading_ = false;  // a wait for input is pending
  bool writing_ = false;  // a wait for room is pending
  bool input_ended_ = false;
};

}  // namespace agora
