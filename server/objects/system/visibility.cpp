// SPDX-License-Identifier: MIT

#include "server/objects/system/visibility.hpp"

#include <algorithm>

#include "server/core/state/lockable.hpp"

namespace agora {

Visibility::Visibility(Call& call) : machine_(call.machine()) {
  const Link* const link = machine_.sessions().find(call.caller().link);
  const Session* const session = machine_.sessions().find(call.session());
  if (link == nullptr || session == nullptr) return;
  identity_ = link->peer.identity;
  scope_ = session->scope.get();
  all_ = !identity_ || identity_->sees_all();
  if (all_) return;
  machine_.waiters().each_place([&](const Waiter& waiter, const Object& object) {
    if (is_own(waiter.session)) waited_.insert(&object);
  });
}

bool Visibility::is_own(SessionId id) const {
  const Session* const session = machine_.sessions().find(id);
  return session != nullptr && sees(*session);
}

bool Visibility::holds(const Object& object) const {
  const std::vector<Holder> all = holders_of(*object.state);
  return std::ranges::any_of(all, [&](const Holder& holder) { return is_own(holder.session); });
}

bool Visibility::sees_wait(const Waiter& waiter, const Object& object) const {
  if (!sees_name(object.name)) return false;
  return all_ || is_own(waiter.session) || holds(object);
}

bool Visibility::sees_lock(const Object& object) const {
  if (!sees_name(object.name)) return false;
  return all_ || holds(object) || waits_at(object);
}

std::vector<Holder> Visibility::holders(const Object& object) const {
  std::vector<Holder> all = holders_of(*object.state);
  if (all_ || waits_at(object)) return all;
  std::erase_if(all, [&](const Holder& holder) { return !is_own(holder.session); });
  return all;
}

}  // namespace agora
