// One connected stream socket, blocking, close-on-exec, and what the calls need of it.
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
  /// Connects, by the deadline; a host name is tried address by address. Looking a name up takes
  /// as long as the system's resolver does, whatever the deadline says.
  /// @error unavailable  nobody answers; the message names the address and says why.
  static Expected<std::unique_ptr<Socket>> dial(const Address& address, const Deadline& deadline,
                                                const Wait& wait = wait_patiently);

  /// A new stream socket of that family, not connected. Without a descriptor (fd() < 0, errno says
  /// why) every operation ends at once.
  explicit Socket(int family);
  /// Takes over what `make` gives: a connected descriptor, close-on-exec.
  explicit Socket(const std::function<int()>& make);
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  enum class Io : std::uint8_t {
    some,   ///< bytes went
    later,  ///< nothing now: wait and try again
    ended,  ///< the connection is over
  };
  struct Result {
    Io io = Io::later;
    std::size_t bytes = 0;
  };

  /// Writes what the kernel takes at once. Never waits, never raises SIGPIPE.
  Result send(std::span<const iovec> parts);
  /// Reads what is there into `space`; waits for something until the deadline, and up to 5 s
  /// without one: `later` says only that nothing has come yet. Cost: one system call if the
  /// deadline is far.
  Result receive(std::span<char> space, const Deadline& deadline);

  /// Reads what is there, and does not wait.
  Result receive_nonblocking(std::span<char> space);
  /// The same; descriptors that come along are appended, close-on-exec, at most 250 in one read;
  /// -1 says that there were some for which this process has no room.
  Result receive_with(std::span<char> space, std::vector<int>& descriptors);

  struct Ready {
    bool readable = false;
    bool writable = false;
  };
  /// Waits until it can be written to (or read from, if asked for), at most until the deadline.
  Ready wait_writable(bool or_readable, const Deadline& deadline);

  /// False once the other side has closed or the connection is broken. Looks, does not wait.
  bool alive();

  /// Ends the connection, also for a thread that reads from it right now.
  void shut_down();

  /// In a forked child: closes the copy of the descriptor; the parent's connection goes on.
  void close_inherited();
  int fd() const { return fd_.load(); }
  /// The process that opened it; see fork_guard.hpp.
  std::uint64_t epoch() const { return epoch_; }

 private:
  Result received(ssize_t bytes);

  std::atomic<int> fd_{-1};
  const std::uint64_t epoch_;
};

}  // namespace agora::detail
