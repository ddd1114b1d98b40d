// SPDX-License-Identifier: MIT

#include "server/core/state/change_feed.hpp"

#include <utility>

#include "shared/base/assert.hpp"

namespace agora {

void ChangeFeed::add(Entry entry) {
  AGORA_ASSERT(entry.version > version_);
  version_ = entry.version;
  bytes_ += entry.notice.size();
  entries_.push_back(std::move(entry));
}

void ChangeFeed::skip_to(std::uint64_t version) {
  AGORA_ASSERT(entries_.empty());
  version_ = version;
  complete_after_ = version;
}

ChangeFeed::Entry ChangeFeed::pop() {
  Entry oldest = std::move(entries_.front());
  entries_.pop_front();
  bytes_ -= oldest.notice.size();
  complete_after_ = oldest.version;
  return oldest;
}

std::optional<std::size_t> ChangeFeed::bytes_after(std::uint64_t version) const {
  if (version < complete_after_) return std::nullopt;
  std::size_t bytes = 0;
  for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
    if (entry->version <= version) break;
    bytes += entry->notice.size();
  }
  return bytes;
}

}  // namespace agora
