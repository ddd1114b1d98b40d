// SPDX-License-Identifier: MIT

// Connection: a socket and its dialogue. It waits through Asio, and reads and sends by itself.
//
// It waits until the socket is readable and then reads to the buffer that all connections share, so
// an idle connection keeps no buffer. Asio's async_read_some() would need one for each: it tries to
// read at once, and if there are bytes, its handler runs later. The wait costs an epoll_ctl for
// each read, as much as that try; SpeculativePoll saves it under load. The connection sends replies
// at the end of the turn that made them, by one non-blocking call, and waits for space only after
// the kernel has refused bytes. The measurements are in docs/decisions/0017.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "server/net/dialogue.hpp"
#include "server/net/hub.hpp"
#include "server/net/ring.hpp"

namespace agora {

class Connection final : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Hub& hub, StreamSocket socket, Peer peer);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  LinkId link() const { return dialogue_.link(); }
  Dialogue& dialogue() { return dialogue_; }

  /// Returns the client's process id if the kernel has given it (SO_PEERCRED), else 0.
  std::int64_t proven_pid() const { return proven_pid_; }

  /// Starts to wait for input.
  void start() { wait_for_input(); }
  /// Takes the calls that the client had sent before its process ended. Drops calls that would wait
  /// or deliver an item. Returns false if some are expensive: then they run in later passes, and
  /// Hub::drained is called once they have been taken.
  bool drain(SessionId session);
  /// Sends the dialogue's output, as far as the kernel takes it.
  void flush();
  /// Sends a copy of this descriptor (SCM_RIGHTS) with the next bytes; at most 250 at a time.
  void pass_descriptor(int descriptor) { descriptors_.push_back(descriptor); }
  /// Returns true if descriptors were not sent yet.
  bool passes_descriptors() const { return !descriptors_.empty(); }
  /// Passes a ring with the next reply, if there is memory for one. All bytes go through the ring
  /// once the client has sent a doorbell. If the client sends anything else first, the descriptor
  /// was lost on the way, and the ring is dropped.
  void offer_ring(std::size_t& count);
  /// Reads the ring if it holds bytes and the dialogue takes input; goes on to send if output waits
  /// for room and there is some. @return whether there was anything to do
  bool poll_ring();
  /// Called before the loop sleeps. Returns true if the ring need not be polled: the client will
  /// send a doorbell after its next write, or the dialogue takes no input; and likewise for room.
  bool ready_to_sleep();
  /// Returns the CPU on which the client last wrote to the ring, if spinning for its next call can
  /// pay: the client was awake and the dialogue takes input.
  std::optional<std::uint32_t> active_client_cpu() const;
  /// Reads if the next message has arrived, and waits for it in Asio otherwise.
  void go_on(bool arrived);
  /// Gives the dialogue up, since there is no memory for its next step; the next turn closes it.
  void fail();
  /// Returns the descriptor of the socket, or -1 once it is closed.
  int descriptor() { return socket_.native_handle(); }
  /// Closes the socket and leaves the hub.
  void close();

  bool touched = false;  ///< set by the hub: the connection is flushed at the end of this turn

 private:
  void wait_for_input();
  void wait_for_space();
  void ask_for_end_later();
  void on_input();
  void read();
  bool read_some();
  bool drain_input();
  void end_draining();
  std::size_t unread_bytes();
  void resume();
  void after_turn();
  bool send_some();
  bool send_by_ring();
  void note_sent(std::size_t bytes);
  bool read_ring();
  void drain_doorbells();
  void send_doorbell();

  Hub& hub_;
  StreamSocket socket_;
  std::unique_ptr<SteadyTimer> end_timer_;  // while the dialogue holds lines back
  std::int64_t proven_pid_;
  std::vector<int> descriptors_;  // sent with the next bytes
  std::unique_ptr<Ring> ring_;
  bool on_ring_ = false;       // all bytes go through the ring; the socket carries doorbells
  bool socket_ended_ = false;  // if on_ring_: the client has gone, and the ring has its last bytes
  Dialogue dialogue_;
  bool waiting_ = false;        // for input
  bool readable_ = false;       // the socket may hold bytes that were not read yet
  bool reading_ = true;         // the dialogue takes input
  bool write_blocked_ = false;  // the kernel or the ring is full; its wait for space is under way
  bool resume_posted_ = false;  // the loop will call resume()
  bool broken_ = false;         // nothing can be sent any more
  bool input_ended_ = false;
  SessionId draining_;  // the session of a dead process whose calls are being taken; or none
  std::size_t read_bytes_ = 0;      // all bytes read so far
  std::size_t read_bytes_max_ = 0;  // if broken_: reading stops once read_bytes_ has reached it
};

}  // namespace agora
