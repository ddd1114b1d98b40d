#include "server/core/registry.hpp"

#include "shared/base/assert.hpp"

namespace agora {

Object* Registry::find(std::string_view name) {
  const auto it = by_name_.find(name);
  return it == by_name_.end() ? nullptr : it->second;
}

Object* Registry::find(ObjectId id) {
  const auto it = by_id_.find(id);
  return it == by_id_.end() ? nullptr : it->second.get();
}

Object& Registry::add(std::unique_ptr<Object> object) {
  Object& added = *object;
  AGORA_ASSERT(by_name_.emplace(added.name, &added).second);
  names_.insert(added.name);
  by_id_.emplace(added.id, std::move(object));
  if (added.expires) expiries_.insert({*added.expires, added.id});
  return added;
}

void Registry::remove(Object& object) {
  expire(object, std::nullopt);
  names_.erase(object.name);
  by_name_.erase(object.name);
  const auto it = by_id_.find(object.id);
  give_back_later(std::move(it->second->state));
  by_id_.erase(it);
}

void Registry::expire(Object& object, std::optional<Instant> when) {
  if (object.expires) expiries_.erase({*object.expires, object.id});
  object.expires = when;
  if (when) expiries_.insert({*when, object.id});
}

Object* Registry::due(Instant now) {
  if (expiries_.empty() || expiries_.begin()->first > now) return nullptr;
  return find(expiries_.begin()->second);
}

std::optional<Instant> Registry::next_expiry() const {
  if (expiries_.empty()) return std::nullopt;
  return expiries_.begin()->first;
}

void Registry::bury(Machine& machine, std::size_t elements) {
  // One object a call: its release may delete others, which then wait at the end.
  if (dead_.empty()) return;
  State& oldest = *dead_.front();
  if (oldest.release_some(machine, elements)) dead_.pop_front();
}

}  // namespace agora
