#include "client/src/client/grants.hpp"

#include <algorithm>

namespace agora::detail {

void Grants::callbacks_of(const std::string& name, std::vector<Callback>& out) const {
  const auto [first, last] = callbacks_.equal_range(name);
  for (auto each = first; each != last; ++each) out.push_back(each->second);
}

std::vector<Grants::Callback> Grants::add(const std::string& name, const std::string& owner,
                                          Grant grant) {
  std::vector<Callback> due;
  remove(name, owner);
  grant.lost = grant.session <= lost_up_to_;
  if (grant.lost) callbacks_of(name, due), ++lost_;
  held_.insert_or_assign({name, owner}, grant);
  return due;
}

void Grants::remember(const std::string& name, const std::string& owner, const Grant& grant) {
  remove(name, owner);
  held_.insert_or_assign({name, owner}, grant);
}

void Grants::erase(Held::iterator grant) {
  if (grant->second.lost) --lost_;
  held_.erase(grant);
}

void Grants::remove(const std::string& name, const std::string& owner) {
  const auto found = held_.find({name, owner});
  if (found != held_.end()) erase(found);
}

std::optional<Grant> Grants::find(const std::string& name, const std::string& owner) const {
  const auto found = held_.find({name, owner});
  if (found == held_.end()) return std::nullopt;
  return found->second;
}

bool Grants::deepen(const std::string& name, const std::string& owner) {
  const auto found = held_.find({name, owner});
  if (found == held_.end() || found->second.lost) return false;
  ++found->second.levels;
  return true;
}

std::uint32_t Grants::leave(const std::string& name, const std::string& owner) {
  const auto found = held_.find({name, owner});
  if (found == held_.end()) return 0;
  const std::uint32_t left = --found->second.levels;
  if (left == 0) erase(found);
  return left;
}

void Grants::set_token(const std::string& name, const std::string& owner, std::uint64_t token) {
  const auto found = held_.find({name, owner});
  if (found != held_.end()) found->second.token = token;
}

std::vector<Grants::Callback> Grants::lose(std::uint64_t session) {
  std::vector<Callback> due;
  lost_up_to_ = std::max(lost_up_to_, session);
  for (auto& [key, grant] : held_) {
    if (grant.lost || grant.session > lost_up_to_) continue;
    grant.lost = true;
    ++lost_;
    callbacks_of(key.first, due);
  }
  return due;
}

}  // namespace agora::detail
