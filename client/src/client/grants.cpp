// SPDX-License-Identifier: MIT

#include "client/src/client/grants.hpp"

#include <algorithm>

namespace agora::detail {

void Grants::mark_lost(const std::string& lock, Grant& grant) {
  if (!grant.may_have_ended()) ++lost_;
  grant.lost = true;
  const auto [first, last] = on_lost_.equal_range(lock);
  for (auto each = first; each != last; ++each) {
    callbacks_.post([callback = each->second](bool client_lives) {
      if (client_lives) callback();
    });
  }
}

void Grants::store(Key key, const Grant& grant) {
  const auto found = held_.find(key);
  if (found != held_.end()) erase(found);
  if (grant.may_have_ended()) ++lost_;
  held_.emplace(std::move(key), grant);
}

void Grants::erase(Map::iterator grant) {
  if (grant->second.may_have_ended()) --lost_;
  held_.erase(grant);
}

void Grants::add(const std::string& lock, const std::string& owner, Grant grant) {
  const std::lock_guard guard(mutex_);
  grant.lost = false;
  store({lock, owner}, grant);
  if (grant.session <= lost_up_to_) mark_lost(lock, held_.at({lock, owner}));
}

std::optional<Grant> Grants::find(const std::string& lock, const std::string& owner) const {
  const std::lock_guard guard(mutex_);
  const auto found = held_.find({lock, owner});
  if (found == held_.end()) return std::nullopt;
  return found->second;
}

void Grants::remove(const std::string& lock, const std::string& owner) {
  const std::lock_guard guard(mutex_);
  const auto found = held_.find({lock, owner});
  if (found != held_.end()) erase(found);
}

bool Grants::add_level(const std::string& lock, const std::string& owner) {
  const std::lock_guard guard(mutex_);
  const auto found = held_.find({lock, owner});
  if (found == held_.end() || found->second.lost) return false;
  ++found->second.levels;
  return true;
}

std::uint32_t Grants::remove_level(const std::string& lock, const std::string& owner) {
  const std::lock_guard guard(mutex_);
  const auto found = held_.find({lock, owner});
  if (found == held_.end()) return 0;
  const std::uint32_t left = --found->second.levels;
  if (left == 0) erase(found);
  return left;
}

void Grants::set_token(const std::string& lock, const std::string& owner, std::uint64_t token) {
  const std::lock_guard guard(mutex_);
  const auto found = held_.find({lock, owner});
  if (found != held_.end()) found->second.token = token;
}

void Grants::set_until(const std::string& lock, const std::string& owner,
                       std::optional<LifeClock::time_point> until) {
  const std::lock_guard guard(mutex_);
  const auto found = held_.find({lock, owner});
  if (found == held_.end()) return;
  Grant changed = found->second;
  changed.until = until;
  store(found->first, changed);
}

void Grants::on_lost(const std::string& lock, Callback callback) {
  callbacks_.start_or_throw();
  const std::lock_guard guard(mutex_);
  on_lost_.emplace(lock, std::move(callback));
}

void Grants::lose(std::uint64_t session, const std::vector<Held>& by_word) {
  const std::lock_guard guard(mutex_);
  for (const Held& each : by_word) store({each.lock, each.owner}, each.grant);
  lost_up_to_ = std::max(lost_up_to_, session);
  for (auto& [key, grant] : held_) {
    if (!grant.lost && grant.session <= lost_up_to_) mark_lost(key.first, grant);
  }
}

}  // namespace agora::detail
