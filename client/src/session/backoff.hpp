// SPDX-License-Identifier: MIT

// Backoff: exponential back-off with jitter between attempts to reconnect.
#pragma once

#include <algorithm>
#include <chrono>

namespace agora::detail {

/// Doubles from 10 ms to 2 s. Half of each step is random, so that a thousand clients of a
/// restarted server do not all connect at the same moment. Pure: the caller passes the random
/// number.
class Backoff {
 public:
  using Span = std::chrono::duration<double>;
  static constexpr Span kFirst{0.010};  // a restart of the network stack takes less
  static constexpr Span kLongest{2.0};  // long for a starting server, short for a user

  /// @param random  in [0, 1)
  Span next(double random) {
    const Span step = step_;
    step_ = std::min(step_ * 2, kLongest);
    return step * (0.5 + random / 2);
  }

 private:
  Span step_ = kFirst;
};

}  // namespace agora::detail
