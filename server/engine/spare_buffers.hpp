// SPDX-License-Identifier: MIT

// SpareBuffers: a pool of the buffers that large messages have left behind. Fresh memory would cost
// more than the work on it, since the kernel clears each page at its first touch.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <iterator>
#include <utility>

#include "shared/base/raw_bytes.hpp"

namespace agora {

class SpareBuffers {
 public:
  /// @param bytes_max  the most that the pool keeps
  explicit SpareBuffers(std::size_t bytes_max = std::size_t{256} << 20) : bytes_max_(bytes_max) {}

  bool empty() const { return spares_.empty(); }

  /// Returns an empty buffer with a capacity of `wanted` to `kFitMax` times as many bytes, or one
  /// without capacity if the pool has none. The upper bound keeps a connection that waits for the
  /// rest of a small message from holding the memory of a huge one.
  RawBytes take(std::size_t wanted) {
    for (auto at = spares_.rbegin(); at != spares_.rend(); ++at) {
      if (at->capacity() < wanted || at->capacity() / kFitMax > wanted) continue;
      RawBytes taken = std::move(*at);
      held_ -= taken.capacity();
      spares_.erase(std::next(at).base());
      unused_ = std::min(unused_, held_);
      return taken;
    }
    return {};
  }

  /// Adds a buffer to the pool. Drops the oldest ones beyond the bound on bytes or kCountMax.
  void keep(RawBytes buffer) {
    if (buffer.capacity() > bytes_max_) return;
    buffer.clear();
    held_ += buffer.capacity();
    spares_.push_back(std::move(buffer));
    while (held_ > bytes_max_ || spares_.size() > kCountMax) drop_oldest();
  }

  /// Frees the memory that was not used since the last call. The caller calls it periodically.
  void release_unused() {
    const std::size_t surplus = unused_;  // drop_oldest() lowers it
    for (std::size_t released = 0; released < surplus && !spares_.empty();) {
      released += spares_.front().capacity();
      drop_oldest();
    }
    unused_ = held_;
  }

 private:
  static constexpr std::size_t kCountMax = 1024;
  static constexpr std::size_t kFitMax = 4;  // times the capacity that is wanted

  void drop_oldest() {
    held_ -= spares_.front().capacity();
    spares_.pop_front();
    unused_ = std::min(unused_, held_);
  }

  const std::size_t bytes_max_;
  std::deque<RawBytes> spares_;  // the newest last
  std::size_t held_ = 0;         // capacity of all, bytes
  std::size_t unused_ = 0;       // low-water mark of held_ since release_unused()
};

}  // namespace agora
