// SPDX-License-Identifier: MIT

#include "server/auth/failure_rate.hpp"

#include <algorithm>

namespace agora {

void FailureRate::note(const std::string& address, Instant now) {
  const auto found = by_address_.find(address);
  if (found == by_address_.end()) {
    if (records_.size() >= kAddressesMax) {
      by_address_.erase(records_.back().address);
      records_.pop_back();
    }
    records_.push_front({address, {}, 0, 0});
    by_address_.emplace(address, records_.begin());
  } else {
    records_.splice(records_.begin(), records_, found->second);
  }
  Record& record = records_.front();
  record.failures[record.next] = now;
  record.next = (record.next + 1) % kMost;
  record.count = std::min(record.count + 1, kMost);
}

bool FailureRate::is_over(const std::string& address, Instant now) const {
  const auto found = by_address_.find(address);
  if (found == by_address_.end() || found->second->count < kMost) return false;
  return now - found->second->failures[found->second->next] < kWindow;
}

}  // namespace agora
