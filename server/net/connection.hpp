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
#include "server/net/tls_channel.hpp"

namespace agora {

class Connection final : public std::enable_shared_from_this<Connection> {
 public:
  /// @param tls  a finished handshake, if all bytes are TLS records; null: the first byte decides
  Connection(Hub& hub, StreamSocket socket, Peer peer, std::unique_ptr<TlsChannel> tls = nullptr);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  LinkId link() const { return dialogue_.link(); }
  Dialogue& dialogue() { return dialogue_; }

  /// Returns the client's process id if the kernel has given it (SO_PEERCRED), else 0.
  std::int64_t proven_pid() const { return proven_pid_; }
  /// Returns the socket's descriptor.
  int socket() { return socket_.native_handle(); }

  /// Starts to wait for input.
  void start() { wait_for_input(); }
  /// Takes records that arrived with the end of the TLS handshake.
  void take_early(std::string_view records);
  /// Takes the calls that the client had sent before its process ended. Drops calls that would wait
  /// or deliver an item. Returns false if some are expensive: then they run in later passes, and
  /// Hub::drained is called once they have been taken.
  bool drain(SessionId session);
  /// Reads on, after the peer has closed the connection or its sending side; the end of input is
  /// not waited for.
  void peer_closed();
  /// Returns true if the connection, whose peer has closed it, goes on to read and to run calls in
  /// the next pass of the loop. It closes after the last of them.
  bool ends_soon() const;
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

  std::size_t counted_bytes = 0;  ///< set by the hub: the bytes of this connection in its sum
  bool touched = false;  ///< set by the hub: the connection is flushed at the end of this turn

 private:
  void wait_for_input();
  void wait_for_space();
  void ask_for_end_later();
  void on_input();
  bool may_read() const;
  void read();
  bool read_some();
  bool read_specially();
  bool read_plain();
  bool hand_over();
  bool read_tls();
  void take_records(std::string_view records);
  bool drain_input();
  void end_draining();
  std::size_t unread_bytes();
  void resume();
  void resume_soon();
  void after_turn();
  bool send_some();
  bool send_specially();
  bool send_plain();
  bool send_by_ring();
  bool send_by_tls();
  bool send_records();
  bool all_sent() { return dialogue_.output().empty() && (!tls_ || tls_->unsent.empty()); }
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
  std::unique_ptr<TlsChannel> tls_;  // all bytes are TLS records
  std::unique_ptr<Peer> undecided_;  // until the first byte: it may begin TLS
  bool special_ = false;             // the bytes are not just those of the socket
  bool on_ring_ = false;             // all bytes go through the ring; the socket carries doorbells
  bool socket_ended_ = false;  // if on_ring_: the client has gone, and the ring has its last bytes
  Dialogue dialogue_;
  bool waiting_ = false;            // for input
  bool waiting_for_space_ = false;  // of the socket
  bool peer_closed_ = false;        // peer_closed() was called: the socket has an end
  bool readable_ = false;           // the socket may hold bytes that were not read yet
  bool reading_ = true;             // the dialogue takes input
  bool write_blocked_ = false;  // the kernel or the ring is full; its wait for space is under way
  bool resume_posted_ = false;  // the loop will call resume()
  bool broken_ = false;         // nothing can be sent any more
  bool input_ended_ = false;
  SessionId draining_;  // the session of a dead process whose calls are being taken; or none
  std::size_t read_bytes_ = 0;      // all bytes read so far
  std::size_t read_bytes_max_ = 0;  // if broken_: reading stops once read_bytes_ has reached it
};

}  // namespace agora
