// SPDX-License-Identifier: MIT

#include "server/objects/messaging/ready_items.hpp"

#include <algorithm>

#include "shared/base/assert.hpp"

namespace agora {

void ReadyItems::add(const QueueItem& item) {
  if (in_order_.empty() || in_order_.back() < item) {
    in_order_.push_back(item);
  } else if (item < in_order_.front()) {
    in_order_.push_front(item);
  } else {
    out_of_order_.insert(item);
  }
}

QueueItem ReadyItems::take_front() {
  if (deque_first()) {
    const QueueItem item = in_order_.front();
    in_order_.pop_front();
    return item;
  }
  return out_of_order_.extract(out_of_order_.begin()).value();
}

void ReadyItems::take(const QueueItem& item) {
  if (out_of_order_.erase(item) > 0) return;
  const auto found = std::lower_bound(in_order_.begin(), in_order_.end(), item);
  AGORA_ASSERT(found != in_order_.end() && found->rank == item.rank);
  in_order_.erase(found);
}

QueueItem ReadyItems::take_any() {
  if (in_order_.empty()) return take_front();
  const QueueItem item = in_order_.back();
  in_order_.pop_back();
  return item;
}

}  // namespace agora
