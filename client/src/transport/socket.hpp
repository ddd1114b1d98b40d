// SPDX-License-Identifier: MIT

// Socket: one connected stream socket, blocking and close-on-exec.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <sys/uio.h>
#include <vector>

#include "client/src/transport/address.hpp"
#include "client/src/transport/deadline.hpp"
#include "client/src/transport/wait.hpp"
#include "shared/base/expected.hpp"

namespace agora::detail {

class Socket {
 public:
  static constexpr std::chrono::seconds kDefaultTtl{10};

  /// Connects by the deadline. Tries the addresses of a host name in turn, each beside the earlier
  /// ones after 250 ms. The system's resolver may take longer than the deadline to resolve the
  /// name.
  /// @param ttl  TCP: how soon the kernel is to notice that the server has vanished
  /// @error unavailable  no server accepts, or the server of a Unix socket runs as another user
  ///   than this program, root or Address::peer_uid; the message names the address and the reason.
  static Expected<std::unique_ptr<Socket>> dial(const Address& address, const Deadline& deadline,
                                                const Wait& wait = wait_without_cancel,
                                                std::chrono::nanoseconds ttl = kDefaultTtl);

  /// Opens a stream socket of that family, not connected. If that fails, fd() is negative, errno
  /// has the reason, and every operation returns `ended`.
  explicit Socket(int family);
  /// Takes ownership of the descriptor that `make` returns: connected, close-on-exec.
  explicit Socket(const std::function<int()>& make);
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  enum class Io : std::uint8_t {
    some,   ///< bytes were sent or received
    later,  ///< the operation would block: wait and try again
    ended,  ///< the connection is over
  };
  struct Result {
    Io io = Io::later;
    std::size_t bytes = 0;
  };

  /// Writes as many bytes as the kernel has room for. Never waits, never raises SIGPIPE.
  Result send(std::span<const iovec> parts);
  /// Returns how many bytes the kernel has taken and the peer's kernel has not confirmed.
  std::size_t unsent_bytes() const;
  /// Reads available bytes into `space`. If there are none, waits until the deadline, but at most
  /// 5 s: `later` means only that no byte has come yet. Cost: one system call if the deadline is
  /// more than 5 s away.
  Result receive(std::span<char> space, const Deadline& deadline);

  /// Reads available bytes. Never waits.
  Result receive_nonblocking(std::span<char> space);
  /// As receive_nonblocking. Also appends the file descriptors that come with the bytes,
  /// close-on-exec, at most 250 in one read. Appends -1 if some were dropped because this process
  /// has too many open files.
  Result receive_with(std::span<char> space, std::vector<int>& descriptors);

  struct Ready {
    bool readable = false;
    bool writable = false;
  };
  /// Waits until the socket is writable (or readable, if asked for), at most until the deadline.
  Ready wait_writable(bool or_readable, const Deadline& deadline);

  /// Returns false once the peer has closed or the connection is broken. Never waits.
  bool alive();

  /// Shuts the connection down, which also wakes a thread that reads from it.
  void shut_down();

  /// Closes this process's copy of the descriptor, for a forked child: the parent's connection goes
  /// on.
  void close_inherited();
  int fd() const { return fd_.load(); }
  /// Returns the epoch of the process that opened it; see fork_guard.hpp.
  std::uint64_t epoch() const { return epoch_; }

 private:
  Result received(ssize_t bytes);

  std::atomic<int> fd_{-1};
  const std::uint64_t epoch_;
};

}  // namespace agora::detail
