// SPDX-License-Identifier: MIT

#include "server/auth/pending_logins.hpp"

#include <algorithm>

namespace agora {

std::optional<LinkId> PendingLogins::add(LinkId link, const std::string& address, Instant now) {
  std::optional<LinkId> evicted;
  const auto found = addresses_.find(address);
  if (found != addresses_.end() && found->second.size() >= bounds_.of_address) {
    evicted = found->second.front();
  } else if (entries_.size() >= bounds_.all) {
    evicted = entries_.front().link;
  }
  if (evicted) remove(*evicted);
  entries_.push_back({link, now, address});
  links_.emplace(link, std::prev(entries_.end()));
  addresses_[address].push_back(link);
  return evicted;
}

void PendingLogins::remove(LinkId link) {
  const auto found = links_.find(link);
  if (found == links_.end()) return;
  const auto address = addresses_.find(found->second->address);
  address->second.remove(link);  // at most Bounds::of_address
  if (address->second.empty()) addresses_.erase(address);
  entries_.erase(found->second);
  links_.erase(found);
}

std::optional<LinkId> PendingLogins::expired(Instant now) {
  if (entries_.empty() || now < entries_.front().since + bounds_.time) return std::nullopt;
  const LinkId link = entries_.front().link;
  remove(link);
  return link;
}

std::optional<Instant> PendingLogins::next_deadline() const {
  if (entries_.empty()) return std::nullopt;
  return entries_.front().since + bounds_.time;
}

}  // namespace agora
