// Channel: how the bytes of one connection travel: over its socket, or through rings in memory that
// the server shares, with the socket as the bell that wakes whoever sleeps.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <span>
#include <sys/uio.h>

#include "client/src/transport/deadline.hpp"
#include "client/src/transport/socket.hpp"
#include "shared/shm/adaptive_spin.hpp"
#include "shared/shm/ring.hpp"

namespace agora::detail {

/// One thread sends at a time, and one receives.
class Channel {
 public:
  explicit Channel(std::unique_ptr<Socket> socket) : socket_(std::move(socket)) {}
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  /// All bytes from now on go through the rings of this memfd, which is left open. False: it
  /// cannot be mapped, and the socket serves on.
  bool go_over(int memfd);

  /// Sends what there is room for at once. Never waits, never raises SIGPIPE.
  Socket::Result send(std::span<const iovec> parts);
  /// As Socket::receive. Through a ring: looks a while before it sleeps, if that is worth it; after
  /// `later` the server rings when there is more.
  Socket::Result receive(std::span<char> space, const Deadline& deadline);
  /// Waits until there is room (or something to read, for whoever receives), at most until the
  /// deadline.
  Socket::Ready wait_writable(bool or_readable, const Deadline& deadline);

  /// Before fd() is polled for input by whoever could receive now. False: there is some already.
  bool may_poll_input();
  /// Which event of poll tells that there is room, for whoever could send now; 0: there is some.
  short room_event();

  /// The same as of the socket.
  bool alive() { return socket_->alive(); }
  void shut_down() { socket_->shut_down(); }
  int fd() const { return socket_->fd(); }
  Socket& socket() { return *socket_; }

 private:
  bool ring_bell();
  bool hear_bells();
  bool await_bell(const Deadline& deadline);
  Socket::Result receive_by_ring(std::span<char> space, const Deadline& deadline);
  Socket::Result taken(std::span<char> space);

  const std::unique_ptr<Socket> socket_;
  std::byte* rings_ = nullptr;  // null: over the socket
  shm::RingWriter out_;
  shm::RingReader in_;
  shm::AdaptiveSpin spin_;                 // of whoever receives
  std::atomic<bool> server_awake_{false};  // it was, when it was last written to
  std::atomic<bool> ended_{false};         // of the socket: what stands in the ring is the rest
};

}  // namespace agora::detail
