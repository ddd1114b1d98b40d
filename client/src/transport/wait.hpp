// Wait: how a thread waits for a connection under way, so that it can be called off.
#pragma once

#include <functional>
#include <poll.h>

#include "client/src/transport/deadline.hpp"

namespace agora::detail {

/// Waits until the descriptor is ready for these events of poll (none, with fd -1), at most until
/// the deadline. True: look again. False: nobody wants what is waited for any more.
using Wait = std::function<bool(int fd, short events, const Deadline& until)>;

/// The Wait that nothing calls off.
inline bool wait_patiently(int fd, short events, const Deadline& until) {
  pollfd wanted{fd, events, 0};
  ::poll(&wanted, 1, milliseconds_left(until, 60'000));
  return true;
}

}  // namespace agora::detail
