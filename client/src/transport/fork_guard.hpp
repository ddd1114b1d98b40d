// SPDX-License-Identifier: MIT

// Fork guard: the epoch of this process, and the sockets that a forked child must close.
//
// The client has no other global state, except the registry of inherited.hpp and some counters. A
// child of fork() must not touch a lock that a thread of its parent may have held, nor a connection
// that the parent still uses. So every object that belongs to one process carries its epoch; a
// child has another epoch and leaves such objects alone.
#pragma once

#include <cstdint>

namespace agora::detail {

class Socket;

/// Returns the epoch of this process: a number that none of its ancestors by fork has had; never 0.
/// Cost: one load. Any thread.
std::uint64_t process_epoch();

/// Registers a socket that a child must close: an inherited copy would keep the parent's session
/// alive after the parent's death. A child of fork() closes it at once; a child of a bare clone()
/// closes it when it first asks for its epoch. Runs `make`, which opens the socket, in one atomic
/// step with the registration: no fork happens in between.
template <typename Make>
void register_socket(Socket& socket, Make make);
void unregister_socket(Socket& socket);

/// Delays a fork() by any other thread while it lives. No operation that may wait runs under it.
class ForkPause {
 public:
  ForkPause();
  ~ForkPause();
  ForkPause(const ForkPause&) = delete;
  ForkPause& operator=(const ForkPause&) = delete;
  void add(Socket& socket);
};

template <typename Make>
void register_socket(Socket& socket, Make make) {
  ForkPause pause;
  make();
  pause.add(socket);
}

}  // namespace agora::detail
