// SpareBuffers: memory that large messages have left behind, for the next ones. Fresh memory costs
// more than what is done with it, since the kernel clears each page that is touched first.
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
  bool empty() const { return spares_.empty(); }

  /// One with that much room, holding nothing, and not much more: who waits for the rest of a small
  /// message is not to sit on the memory of a huge one. If there is none, one without any room.
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

  /// The oldest go, if it would be too much.
  void keep(RawBytes buffer) {
    if (buffer.capacity() > kBytesMax) return;
    buffer.clear();
    held_ += buffer.capacity();
    spares_.push_back(std::move(buffer));
    while (held_ > kBytesMax || spares_.size() > kCountMax) drop_oldest();
  }

  /// Gives back what nobody has needed since the last time; for a regular call.
  void release_unused() {
    const std::size_t surplus = unused_;  // what is dropped lowers it
    for (std::size_t released = 0; released < surplus && !spares_.empty();) {
      released += spares_.front().capacity();
      drop_oldest();
    }
    unused_ = held_;
  }

 private:
  static constexpr std::size_t kBytesMax = std::size_t{256} << 20;
  static constexpr std::size_t kCountMax = 1024;
  static constexpr std::size_t kFitMax = 4;  // times what is wanted

  void drop_oldest() {
    held_ -= spares_.front().capacity();
    spares_.pop_front();
    unused_ = std::min(unused_, held_);
  }

  std::deque<RawBytes> spares_;  // the newest last
  std::size_t held_ = 0;         // bytes of room in all
  std::size_t unused_ = 0;       // the least that was held at any time since release_unused()
};

}  // namespace agora
