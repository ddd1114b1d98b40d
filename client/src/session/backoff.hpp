// Backoff: how long to wait before the next attempt, longer each time.
#pragma once

#include <algorithm>
#include <chrono>

namespace agora::detail {

/// Doubles from 10 ms to 2 s. Half of each step is left to chance, so that a thousand clients of a
/// server that comes back do not all knock at the same moment. Pure: chance is given.
class Backoff {
 public:
  using Span = std::chrono::duration<double>;
  static constexpr Span kFirst{0.010};  // a restart of the network stack's own is over by then
  static constexpr Span kLongest{2.0};  // long enough for a server that starts, short for a person

  /// @param chance  in [0, 1)
  Span next(double chance) {
    const Span step = step_;
    step_ = std::min(step_ * 2, kLongest);
    return step * (0.5 + chance / 2);
  }

 private:
  Span step_ = kFirst;
};

}  // namespace agora::detail
