// SPDX-License-Identifier: MIT

// Lease: tells by this process's own clock whether a session certainly still exists.
#pragma once

#include <algorithm>
#include <chrono>
#include <time.h>

namespace agora::detail {

/// The clock of sessions. Unlike std::chrono::steady_clock it runs on while the machine is
/// suspended, as does the clock of a server on another machine. Cost: no system call.
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

/// The server ends a session after `ttl` without a heartbeat; every call counts as one. A call that
/// was answered reached the server after the client sent it. So the session certainly lives for
/// `ttl` from that moment. Pure: the caller passes the time.
class Lease {
 public:
  Lease(LifeClock::duration ttl, LifeClock::time_point sent) : ttl_(ttl), sent_(sent) {}

  /// Extends the lease: the server has replied to a call that was sent at that time.
  void answered(LifeClock::time_point sent) { sent_ = std::max(sent_, sent); }
  bool certain(LifeClock::time_point now) const { return now - sent_ < ttl_; }
  LifeClock::duration ttl() const { return ttl_; }

 private:
  LifeClock::duration ttl_;
  LifeClock::time_point sent_;
};

}  // namespace agora::detail
