// SPDX-License-Identifier: MIT

#include "server/core/state/kept_replies.hpp"

#include <algorithm>
#include <utility>

namespace agora {

std::size_t CallRecord::error_bytes() const {
  if (!error) return 0;
  std::size_t bytes = sizeof(Error) + error->message.size();
  for (const Detail& detail : error->details) {
    bytes += sizeof(Detail) + detail.name.size() + detail.packed.size();
  }
  return bytes;
}

std::size_t CallRecord::heap_bytes() const {
  std::size_t bytes = sizeof(CallRecord) + result.capacity() + error_bytes();
  if (context) {
    bytes += sizeof(ReplyContext) +
             (context->deliveries.capacity() + context->holds.capacity()) * sizeof(ObjectId);
  }
  return bytes;
}

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
  count(record);
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
  uncount(*oldest);
  records_.erase(oldest);
}

void KeptReplies::forget(std::uint64_t number) {
  const auto it = lower_bound(number);
  if (it == records_.end() || it->number != number) return;
  uncount(*it);
  records_.erase(it);
}

void KeptReplies::count(const CallRecord& record) {
  const std::size_t bytes = record.heap_bytes();
  heap_bytes_ += bytes;
  total_ += bytes;
  if (record.state != CallRecord::State::kept) return;
  ++kept_;
  kept_bytes_ += record.bytes();
}

void KeptReplies::uncount(const CallRecord& record) {
  const std::size_t bytes = record.heap_bytes();
  heap_bytes_ -= bytes;
  total_ -= bytes;
  if (record.state != CallRecord::State::kept) return;
  --kept_;
  kept_bytes_ -= record.bytes();
}

}  // namespace agora
