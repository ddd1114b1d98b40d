// Connection: a socket and its dialogue. Reads when there is something, sends answers directly
// from the turn that made them, and waits for room only after the kernel has said that there is
// none.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "server/net/dialogue.hpp"
#include "server/net/hub.hpp"
#include "server/net/ring.hpp"

namespace agora {

class Connection : public Loop::Watcher, public std::enable_shared_from_this<Connection> {
 public:
  /// @param socket  connected, not blocking
  Connection(Hub& hub, Descriptor socket, Peer peer);
  ~Connection() { close_socket(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  LinkId link() const { return dialogue_.link(); }
  Dialogue& dialogue() { return dialogue_; }

  /// The process at the other end, if the kernel vouches for it; else 0.
  std::int64_t proven_pid() const { return proven_pid_; }

  /// @throws std::system_error  the socket cannot be watched.
  void start();
  void on_ready(std::uint32_t events) override;
  /// That process is dead: takes what it had sent, but for calls that would wait or hand
  /// something out.
  void drain();
  /// Sends what the dialogue has to say, as much as the kernel takes.
  void flush();
  /// The next bytes that are sent carry a copy of this descriptor; at most 250 go along.
  void pass_on(int descriptor) { descriptors_.push_back(descriptor); }
  /// The next answer carries a ring, if there is memory for one. Once the peer has rung, all bytes
  /// go through it; if it says anything else first, the descriptor was lost on the way.
  void offer_ring(std::size_t& count);
  /// Whether there is something in the ring that the dialogue would take; reads it.
  bool read_ring_if_any();
  /// Before the loop sleeps: true if the peer will ring when it has written to the ring.
  bool ready_to_sleep();
  /// Where the peer last ran, if looking for its next call may be worth it.
  std::optional<std::uint32_t> awake_on() const;
  /// The end, from outside.
  void close();

  bool touched = false;  ///< the hub's mark: stands in its list of this turn

 private:
  void wait_for_room(bool wanted);
  void read();
  bool read_some();
  void run_rest();
  std::size_t waiting_bytes() const;
  void go_on();
  void after_turn();
  bool send_some();
  bool send_by_ring();
  bool read_ring();
  void hear_bells();
  void ring_bell();
  void close_socket();

  Hub& hub_;
  Descriptor socket_;
  std::int64_t proven_pid_;
  std::vector<int> descriptors_;  // to go with the next bytes
  std::unique_ptr<Ring> ring_;
  bool on_ring_ = false;       // the peer has taken it up: bytes go through it
  bool socket_ended_ = false;  // and with it what is to come through the ring
  Dialogue dialogue_;
  bool watched_ = false;    // by the loop
  bool readable_ = false;   // told that there is input, and not all of it is read yet
  bool until_dry_ = false;  // the peer has closed, or sent urgent data: a short read is not all
  bool reading_ = true;     // the dialogue takes input
  bool writing_ = false;    // the kernel has no room: the loop will tell
  bool goes_on_ = false;    // the loop will call go_on()
  bool broken_ = false;     // nothing can be sent any more
  bool input_ended_ = false;
  std::size_t read_bytes_ = 0;  // ever
  std::size_t rest_ = 0;        // of a broken one: so many are read, ever
};

}  // namespace agora
