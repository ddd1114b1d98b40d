// SPDX-License-Identifier: MIT

#include "server/objects/containers/entry_leases.hpp"

namespace agora {

EntryLease EntryLeases::of(std::uint64_t entry) const {
  const auto found = by_entry_.find(entry);
  return found == by_entry_.end() ? EntryLease{} : found->second;
}

void EntryLeases::set(std::uint64_t entry, const EntryLease& lease) {
  const auto found = by_entry_.find(entry);
  if (found != by_entry_.end()) {
    const EntryLease& old = found->second;
    if (old.until) times_.erase({*old.until, entry});
    if (old.session) {
      const auto session = by_session_.find(old.session);
      session->second.erase(entry);
      if (session->second.empty()) by_session_.erase(session);
    }
  }
  if (!lease) {
    if (found != by_entry_.end()) by_entry_.erase(found);
    return;
  }
  if (lease.until) times_.insert({*lease.until, entry});
  if (lease.session) by_session_[lease.session].insert(entry);
  by_entry_.insert_or_assign(entry, lease);
}

std::optional<std::uint64_t> EntryLeases::orphan() {
  for (; !ended_.empty(); ended_.pop_back()) {
    const auto session = by_session_.find(ended_.back());
    if (session != by_session_.end()) return *session->second.begin();
  }
  return std::nullopt;
}

std::optional<std::uint64_t> EntryLeases::due(Instant now) const {
  if (times_.empty() || times_.begin()->first > now) return std::nullopt;
  return times_.begin()->second;
}

std::optional<Instant> EntryLeases::next_time() const {
  if (times_.empty()) return std::nullopt;
  return times_.begin()->first;
}

bool EntryLeases::release_some(std::size_t count) {
  for (; count > 0 && !by_entry_.empty(); --count) set(by_entry_.begin()->first, {});
  return by_entry_.empty();
}

}  // namespace agora
