// SPDX-License-Identifier: MIT

// Channel: the byte transport of one connection: its socket, or a pair of rings in memory that the
// server shares. With rings the socket is only the doorbell, which wakes a peer that sleeps.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <span>
#include <sys/uio.h>

#include "client/src/transport/deadline.hpp"
#include "client/src/transport/dial.hpp"
#include "client/src/transport/socket.hpp"
#include "client/src/transport/tls_layer.hpp"
#include "shared/shm/adaptive_spin.hpp"
#include "shared/shm/ring.hpp"

namespace agora::detail {

/// One thread may send and one may receive at the same time.
class Channel {
 public:
  explicit Channel(std::unique_ptr<Socket> socket) : socket_(std::move(socket)) {}
  explicit Channel(Dialed dialed);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  /// Sends and receives all further bytes through the rings of this memfd, which stays open.
  /// Returns false if it cannot be mapped; the channel then stays on its socket.
  bool switch_to_rings(int memfd);

  /// Sends as many bytes as there is room for. Never waits, never raises SIGPIPE. Without parts,
  /// only sends what has_unsent() tells of.
  Socket::Result send(std::span<const iovec> parts);
  /// As Socket::receive. With rings it spins adaptively before it sleeps. If it returns `later`,
  /// the server will ring the doorbell for the next bytes.
  Socket::Result receive(std::span<char> space, const Deadline& deadline);
  /// Waits until there is room, at most until the deadline.
  /// @param or_readable  wait for input too; only for the thread that may receive
  Socket::Ready wait_writable(bool or_readable, const Deadline& deadline);

  /// Call before polling fd() for input, as the thread that may receive: asks the server to ring
  /// the doorbell. Returns false if there is input already.
  bool may_poll_input();
  /// Returns the poll event of fd() that reports room, for the thread that may send; 0 if there is
  /// room already.
  short room_event();

  /// Returns true if bytes that send() has taken still wait for room: a later send() sends them.
  /// Only over TLS. Any thread.
  bool has_unsent() const { return tls_ && tls_->has_unsent(); }
  bool is_tls() const { return tls_ != nullptr; }
  /// Gives up the socket and its TLS stream. No thread uses the channel any more, and all bytes
  /// that have arrived were received.
  Dialed release();
  /// Returns why the connection has ended, as far as the channel knows.
  std::string end_reason();
  /// Returns the failure of TLS that has ended the connection; empty if there was none.
  std::string tls_failure() { return tls_ ? tls_->end_reason() : std::string(); }

  /// As in Socket.
  bool alive() { return socket_->alive(); }
  void shut_down() { socket_->shut_down(); }
  int fd() const { return socket_->fd(); }
  Socket& socket() { return *socket_; }

 private:
  bool ring_doorbell();
  bool drain_doorbell();
  bool wait_for_doorbell(const Deadline& deadline);
  Socket::Result receive_from_ring(std::span<char> space, const Deadline& deadline);
  Socket::Result take_from_ring(std::span<char> space);

  std::unique_ptr<Socket> socket_;
  std::unique_ptr<TlsLayer> tls_;  // null: plain
  std::byte* rings_ = nullptr;     // null: the bytes go over the socket
  shm::RingWriter out_;
  shm::RingReader in_;
  shm::AdaptiveSpin spin_;                 // of the receiving thread
  shm::AdaptiveSpin room_spin_;            // of the sending thread
  std::atomic<bool> server_awake_{false};  // at the last send
  std::atomic<bool> ended_{false};  // the socket has ended: no bytes follow those in the ring
};

}  // namespace agora::detail
