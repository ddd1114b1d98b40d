// SPDX-License-Identifier: MIT

// Progress: tells whether a large message moves, in either direction, though it is not complete.
#pragma once

#include <atomic>
#include <cstddef>

#include "client/src/session/lease.hpp"

namespace agora::detail {

/// Bytes of a message under way are a sign that server and link live, as a reply is. Pure: the
/// caller passes the time. Any thread may call it.
class Progress {
 public:
  /// Notes that `bytes` more bytes were sent or received. They count once kBytesMin of them have
  /// moved in a third of the ttl.
  void moved(std::size_t bytes, LifeClock::time_point now, LifeClock::duration ttl) {
    const LifeClock::rep at = now.time_since_epoch().count();
    if (at - since_.load(std::memory_order_relaxed) > (ttl / 3).count()) {
      since_.store(at, std::memory_order_relaxed);
      bytes_.store(0, std::memory_order_relaxed);
    }
    if (bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes < kBytesMin) return;
    bytes_.store(0, std::memory_order_relaxed);
    since_.store(at, std::memory_order_relaxed);
    last_.store(at, std::memory_order_relaxed);
  }
  /// Returns true if bytes have moved within the last `span`.
  bool within(LifeClock::duration span, LifeClock::time_point now) const {
    const LifeClock::rep last = last_.load(std::memory_order_relaxed);
    return last != 0 && now.time_since_epoch().count() - last < span.count();
  }

 private:
  static constexpr std::size_t kBytesMin = 1024;  // as the server counts

  std::atomic<LifeClock::rep> since_{0};
  std::atomic<std::size_t> bytes_{0};
  std::atomic<LifeClock::rep> last_{0};
};

}  // namespace agora::detail
