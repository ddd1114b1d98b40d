#include "server/core/kept_replies.hpp"

#include <algorithm>
#include <utility>

namespace agora {

std::deque<CallRecord>::iterator KeptReplies::place(std::uint64_t number) {
  const auto before = [](const CallRecord& record, std::uint64_t n) { return record.number < n; };
  return std::lower_bound(records_.begin(), records_.end(), number, before);
}

CallRecord* KeptReplies::find(std::uint64_t number) {
  if (records_.empty() || records_.back().number < number) return nullptr;
  const auto it = place(number);
  if (it->number != number || it->state == CallRecord::State::forgotten) return nullptr;
  return &*it;
}

CallRecord& KeptReplies::enter(std::uint64_t number, CallRecord::State state) {
  auto it = records_.end();
  if (!records_.empty() && records_.back().number >= number) it = place(number);
  if (it == records_.end() || it->number != number) {
    it = records_.emplace(it);
    it->number = number;
  }
  it->state = CallRecord::State::waiting;
  if (state != CallRecord::State::waiting) keep(*it, state);
  return *it;
}

void KeptReplies::keep(CallRecord& record, CallRecord::State state) {
  uncount(record);
  record.state = state;
  if (state != CallRecord::State::kept) return;
  ++kept_;
  kept_bytes_ += record.bytes();
}

void KeptReplies::uncount(const CallRecord& record) {
  if (record.state != CallRecord::State::kept) return;
  --kept_;
  kept_bytes_ -= record.bytes();
}

void KeptReplies::forget(CallRecord& record) {
  uncount(record);
  const std::uint64_t number = record.number;
  record = {};
  record.number = number;
  record.state = CallRecord::State::forgotten;
}

void KeptReplies::trim() {
  while (!records_.empty() && records_.front().state == CallRecord::State::forgotten) {
    records_.pop_front();
  }
}

}  // namespace agora
