// SPDX-License-Identifier: MIT

#include "server/core/state/registry.hpp"

#include "shared/base/assert.hpp"

namespace agora {

Object* Registry::find(std::string_view name) {
  if (Object* object = name_cache_.find(name)) return object;
  const auto it = by_name_.find(name);
  if (it == by_name_.end()) return nullptr;
  name_cache_.insert(it->second->name, *it->second);
  return it->second;
}

Object* Registry::find(ObjectId id) {
  const auto it = by_id_.find(id);
  return it == by_id_.end() ? nullptr : it->second.get();
}

Object& Registry::add(std::unique_ptr<Object> object) {
  Object& added = *object;
  by_id_.emplace(added.id, std::move(object));
  link(added);
  if (added.expires) expiries_.insert({*added.expires, added.id});
  name_bytes_ += added.name.size();
  if (added.anonymous()) ++anonymous_;
  return added;
}

void Registry::remove(Object& object) {
  expire(object, std::nullopt);
  set_alarm(object, std::nullopt);
  if (!object.unlinked) unlink(object);
  name_bytes_ -= object.name.size();
  if (object.anonymous()) --anonymous_;
  const auto it = by_id_.find(object.id);
  reclaim_later(std::move(it->second->state));
  by_id_.erase(it);
}

void Registry::unlink(Object& object) {
  object.unlinked = true;
  ++names_changed_;
  names_.erase(object.name);
  by_name_.erase(object.name);
  name_cache_.erase(object.name);
}

void Registry::link(Object& object) {
  object.unlinked = false;
  ++names_changed_;
  const bool is_new = by_name_.emplace(object.name, &object).second;
  AGORA_ASSERT(is_new);
  names_.insert(object.name);
}

void Registry::expire(Object& object, std::optional<Instant> when) {
  if (object.expires) expiries_.erase({*object.expires, object.id});
  object.expires = when;
  if (when) expiries_.insert({*when, object.id});
}

void Registry::set_alarm(Object& object, std::optional<Instant> when) {
  if (object.alarm) alarms_.erase({*object.alarm, object.id});
  object.alarm = when;
  if (when) alarms_.insert({*when, object.id});
}

Object* Registry::due(const Times& times, Instant now) {
  return times.empty() || times.begin()->first > now ? nullptr : find(times.begin()->second);
}

std::optional<Instant> Registry::first(const Times& times) {
  if (times.empty()) return std::nullopt;
  return times.begin()->first;
}

Object* Registry::due(Instant now) { return due(expiries_, now); }
std::optional<Instant> Registry::next_expiry() const { return first(expiries_); }
Object* Registry::alarmed(Instant now) { return due(alarms_, now); }
std::optional<Instant> Registry::next_alarm() const { return first(alarms_); }

void Registry::reclaim(Machine& machine, std::size_t elements) {
  // One object per call: its release may delete others, which are appended.
  if (dead_.empty()) return;
  State& oldest = *dead_.front();
  if (oldest.release_some(machine, elements)) dead_.pop_front();
}

}  // namespace agora
