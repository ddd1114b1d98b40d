// ReadyItems: the items of a queue that can be handed out, in the order of their places.
//
// Nearly all items arrive at one end, so they stand in a deque; the few whose place is inside it
// (they came back, were delayed, or have a priority of their own) stand apart in a set, and the
// front is the lesser of the two fronts. Handing out costs the same with a million items as with
// ten, as long as few stand apart.
#pragma once

#include <cstddef>
#include <deque>
#include <set>

#include "server/objects/messaging/queue_item.hpp"

namespace agora {

class ReadyItems {
 public:
  bool empty() const { return line_.empty() && apart_.empty(); }
  std::size_t size() const { return line_.size() + apart_.size(); }

  /// The item to be handed out next. Not to be called when empty.
  const QueueItem& front() const { return line_first() ? line_.front() : *apart_.begin(); }

  /// Puts an item at its place. O(1) at either end, else O(log items apart).
  void add(const QueueItem& item);
  /// Takes the front. Not to be called when empty.
  QueueItem take_front();
  /// Takes a given item, which must be here: what undoes `add`. O(log n) at the ends and apart,
  /// else O(n).
  void take(const QueueItem& item);
  /// Takes any item, the cheapest to reach. Not to be called when empty.
  QueueItem take_any();

  /// Calls `visit(const QueueItem&)` for each, front first.
  template <typename Visit>
  void each(Visit&& visit) const {
    auto other = apart_.begin();
    for (const QueueItem& item : line_) {
      for (; other != apart_.end() && *other < item; ++other) visit(*other);
      visit(item);
    }
    for (; other != apart_.end(); ++other) visit(*other);
  }

 private:
  bool line_first() const {
    return apart_.empty() || (!line_.empty() && line_.front() < *apart_.begin());
  }

  std::deque<QueueItem> line_;  // ascending
  std::set<QueueItem> apart_;
};

}  // namespace agora
