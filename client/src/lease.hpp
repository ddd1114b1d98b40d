// Lease: whether a session is certain to live, by this process's own clock.
#pragma once

#include <algorithm>

#include "client/src/deadline.hpp"

namespace agora::client {

/// The server ends a session after `ttl` without a sign of life. It had one not before the moment
/// at which a call was sent that it answered; so from then on the session is certain for `ttl`.
/// Pure: the time is given.
class Lease {
 public:
  Lease(Clock::duration ttl, Clock::time_point sent) : ttl_(ttl), sent_(sent) {}

  /// A call that was sent then has been answered.
  void answered(Clock::time_point sent) { sent_ = std::max(sent_, sent); }
  bool certain(Clock::time_point now) const { return now - sent_ < ttl_; }
  Clock::duration ttl() const { return ttl_; }
  Clock::time_point until() const { return sent_ + ttl_; }

 private:
  Clock::duration ttl_;
  Clock::time_point sent_;
};

}  // namespace agora::client
