// SPDX-License-Identifier: MIT

// ReadyItems: the deliverable items of a queue, in order.
//
// Nearly all items arrive at one end of the order, so they are kept in a sorted deque. An item
// whose place is inside the deque (it came back, was delayed, or has a priority of its own) is kept
// in a set. The next item is the lesser of the two fronts. A delivery costs the same with a million
// items as with ten, as long as the set is small.
#pragma once

#include <cstddef>
#include <deque>
#include <set>

#include "server/objects/messaging/queue_item.hpp"

namespace agora {

class ReadyItems {
 public:
  bool empty() const { return in_order_.empty() && out_of_order_.empty(); }
  std::size_t size() const { return in_order_.size() + out_of_order_.size(); }

  /// Returns the item to be delivered next. Must not be called when empty.
  const QueueItem& front() const {
    return deque_first() ? in_order_.front() : *out_of_order_.begin();
  }

  /// Adds an item at its place. O(1) at either end, else O(log items in the set).
  void add(const QueueItem& item);
  /// Removes and returns the front. Must not be called when empty.
  QueueItem take_front();
  /// Removes a given item, which must be here; undoes `add`. O(log n) at the ends and in the set,
  /// else O(n).
  void take(const QueueItem& item);
  /// Removes and returns any item, the cheapest to reach. Must not be called when empty.
  QueueItem take_any();

  /// Calls `visit(const QueueItem&)` for each, front first.
  template <typename Visit>
  void each(Visit&& visit) const {
    auto other = out_of_order_.begin();
    for (const QueueItem& item : in_order_) {
      for (; other != out_of_order_.end() && *other < item; ++other) visit(*other);
      visit(item);
    }
    for (; other != out_of_order_.end(); ++other) visit(*other);
  }

 private:
  bool deque_first() const {
    return out_of_order_.empty() ||
           (!in_order_.empty() && in_order_.front() < *out_of_order_.begin());
  }

  std::deque<QueueItem> in_order_;  // ascending
  std::set<QueueItem> out_of_order_;
};

}  // namespace agora
