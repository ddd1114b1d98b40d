#include "server/objects/messaging/ready_items.hpp"

#include <algorithm>

#include "shared/base/assert.hpp"

namespace agora {

void ReadyItems::add(const QueueItem& item) {
  if (line_.empty() || line_.back() < item) {
    line_.push_back(item);
  } else if (item < line_.front()) {
    line_.push_front(item);
  } else {
    apart_.insert(item);
  }
}

QueueItem ReadyItems::take_front() {
  if (line_first()) {
    const QueueItem item = line_.front();
    line_.pop_front();
    return item;
  }
  return apart_.extract(apart_.begin()).value();
}

void ReadyItems::take(const QueueItem& item) {
  if (apart_.erase(item) > 0) return;
  const auto place = std::lower_bound(line_.begin(), line_.end(), item);
  AGORA_ASSERT(place != line_.end() && place->rank == item.rank);
  line_.erase(place);
}

QueueItem ReadyItems::take_any() {
  if (line_.empty()) return take_front();
  const QueueItem item = line_.back();
  line_.pop_back();
  return item;
}

}  // namespace agora
