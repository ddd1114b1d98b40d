// SPDX-License-Identifier: MIT

#include "server/core/state/kept_replies.hpp"

#include <algorithm>
#include <utility>

namespace agora {

std::deque<CallRecord>::iterator KeptReplies::lower_bound(std::uint64_t number) {
  const auto before = [](const CallRecord& record, std::uint64_t n) { return record.number < n; };
  return std::lower_bound(records_.begin(), records_.end(), number, before);
}

CallRecord* KeptReplies::find(std::uint64_t number) {
  if (records_.empty() || records_.back().number < number) return nullptr;
  const auto it = lower_bound(number);
  return it->number == number ? &*it : nullptr;
}

void KeptReplies::add(CallRecord record) {
  if (record.state == CallRecord::State::kept) {
    ++kept_;
    kept_bytes_ += record.bytes();
  }
  if (records_.empty() || records_.back().number < record.number) {
    records_.push_back(std::move(record));
  } else {
    const auto it = lower_bound(record.number);
    if (it->number == record.number) {
      uncount(*it);
      *it = std::move(record);
    } else {
      records_.insert(it, std::move(record));
    }
  }
  if (records_.size() - kept_ <= kReadsMax) return;
  const auto oldest = std::find_if(records_.begin(), records_.end(), [](const CallRecord& each) {
    return each.state == CallRecord::State::read;
  });
  records_.erase(oldest);
}

void KeptReplies::forget(std::uint64_t number) {
  const auto it = lower_bound(number);
  if (it == records_.end() || it->number != number) return;
  uncount(*it);
  records_.erase(it);
}

void KeptReplies::uncount(const CallRecord& record) {
  if (record.state != CallRecord::State::kept) return;
  --kept_;
  kept_bytes_ -= record.bytes();
}

}  // namespace agora
