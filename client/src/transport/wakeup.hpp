// SPDX-License-Identifier: MIT

// Wakeup: an eventfd that wakes the one thread that polls it.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include "client/src/transport/socket.hpp"

namespace agora::detail {

/// Any thread may call wake(); wake-ups that have not been drained yet are merged into one. A
/// forked child closes its copy of the descriptor, as for a connection (that is why the member is a
/// Socket).
class Wakeup {
 public:
  Wakeup() : event_([] { return ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }) {}

  int fd() const { return event_.fd(); }
  void wake() {
    if (!signalled_.exchange(true)) ::eventfd_write(fd(), 1);
  }
  /// Resets the event. Only the polling thread may call it; a later wake() wakes it again.
  void drain() {
    eventfd_t count = 0;
    if (signalled_.load()) ::eventfd_read(fd(), &count);
    signalled_.store(false);
  }

 private:
  Socket event_;
  std::atomic<bool> signalled_{false};
};

}  // namespace agora::detail
