// Wakeup: wakes the one thread that polls its descriptor.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include "client/src/transport/socket.hpp"

namespace agora::detail {

/// Any thread may ring; a ring that nobody has heard yet is not repeated. A forked child closes
/// its copy of the descriptor, as it does with a connection's.
class Wakeup {
 public:
  Wakeup() : event_([] { return ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }) {}

  int fd() const { return event_.fd(); }
  void ring() {
    if (!rung_.exchange(true)) ::eventfd_write(fd(), 1);
  }
  /// The thread has woken: whoever rings from now on wakes it again.
  void hear() {
    eventfd_t count = 0;
    if (rung_.load()) ::eventfd_read(fd(), &count);
    rung_.store(false);
  }

 private:
  Socket event_;
  std::atomic<bool> rung_{false};
};

}  // namespace agora::detail
