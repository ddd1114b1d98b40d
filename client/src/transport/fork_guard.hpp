// What knows about forks: which process this is, and what a child must let go of.
//
// The one global state of the client. A child of fork() must not touch a lock that a thread of its
// parent may have held, nor a connection that the parent goes on using. So everything that hangs
// on a process carries its epoch; a child finds another one and leaves the old things alone.
#pragma once

#include <cstdint>

namespace agora::detail {

class Socket;

/// A number that no process from which this one was forked had; never 0. Cost: one load. Any
/// thread.
std::uint64_t process_epoch();

/// Sockets that a child closes at once: an inherited copy would keep the parent's session alive
/// after the parent's death. A socket of a child that was made by other means than fork() (a bare
/// clone) is closed when that child first asks for its epoch. Registering runs `make` first, in one
/// step with it for every fork: no child inherits what `make` opened before it is known here.
template <typename Make>
void register_socket(Socket& socket, Make make);
void unregister_socket(Socket& socket);

/// While it lives, a fork() of another thread waits. Never kept over anything that may wait.
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
