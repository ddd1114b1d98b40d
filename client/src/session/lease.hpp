// Lease: whether a session is certain to live, by this process's own clock.
#pragma once

#include <algorithm>
#include <chrono>
#include <time.h>

namespace agora::detail {

/// The clock of sessions: unlike std::chrono::steady_clock it goes on while the machine is
/// suspended, as the server's does on another one. Cost: no system call.
struct LifeClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<LifeClock>;
  static constexpr bool is_steady = true;

  static time_point now() {
    timespec time{};
    clock_gettime(CLOCK_BOOTTIME, &time);
    return time_point(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
  }
};

/// The server ends a session after `ttl` without a sign of life. It had one not before the moment
/// at which a call was sent that it answered; so from then on the session is certain for `ttl`.
/// Pure: the time is given.
class Lease {
 public:
  Lease(LifeClock::duration ttl, LifeClock::time_point sent) : ttl_(ttl), sent_(sent) {}

  /// A call that was sent then has been answered.
  void answered(LifeClock::time_point sent) { sent_ = std::max(sent_, sent); }
  bool certain(LifeClock::time_point now) const { return now - sent_ < ttl_; }
  LifeClock::duration ttl() const { return ttl_; }

 private:
  LifeClock::duration ttl_;
  LifeClock::time_point sent_;
};

}  // namespace agora::detail
