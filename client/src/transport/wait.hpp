// SPDX-License-Identifier: MIT

// Wait: how a thread waits for a connect in progress. Another thread can cancel the wait.
#pragma once

#include <functional>
#include <poll.h>

#include "client/src/transport/deadline.hpp"

namespace agora::detail {

/// Waits until poll reports these events for the descriptor, at most until `until`. With fd -1
/// waits until `until`. Returns false if the wait was cancelled; true otherwise, and then the
/// caller checks again.
using Wait = std::function<bool(int fd, short events, const Deadline& until)>;

/// The Wait that cannot be cancelled.
inline bool wait_without_cancel(int fd, short events, const Deadline& until) {
  pollfd wanted{fd, events, 0};
  ::poll(&wanted, 1, milliseconds_left(until, 60'000));
  return true;
}

}  // namespace agora::detail
