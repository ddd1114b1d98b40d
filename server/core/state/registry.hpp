// SPDX-License-Identifier: MIT

// Registry: the objects by name and id, their expiries and their alarms.
//
// A named object lives until it is deleted or expires, an anonymous one as long as a session holds
// it or a container refers to it. A deleted object loses its name at once. Its content is freed in
// slices, so that no delete blocks the machine's thread for long.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "server/core/state/object.hpp"
#include "shared/base/name_cache.hpp"

namespace agora {

class Registry {
 public:
  /// Returns the object with that name; null if there is none. O(1).
  Object* find(std::string_view name);
  /// Returns the object with that id; null if it was deleted. O(1).
  Object* find(ObjectId id);

  /// Adds an object; its name must be free.
  Object& add(std::unique_ptr<Object> object);

  /// Removes the object from all indexes and destroys it; its content is freed later, by reclaim.
  void remove(Object& object);
  /// Takes over content that is no longer reachable (a deleted object's, a cleared container's);
  /// reclaim() frees it.
  void reclaim_later(std::unique_ptr<State> content) { dead_.push_back(std::move(content)); }

  /// Sets the time at which the object expires, or clears it.
  void expire(Object& object, std::optional<Instant> when);
  /// Returns the object with the earliest expiry due at `now`; null if there is none.
  Object* due(Instant now);
  std::optional<Instant> next_expiry() const;

  /// Removes the name of an object. A transaction deletes an object so; its commit removes it.
  void unlink(Object& object);
  /// Restores the name, when the transaction is rolled back.
  void link(Object& object);

  /// Sets the time of the object's alarm, or clears it.
  void set_alarm(Object& object, std::optional<Instant> when);
  /// Returns the object with the earliest alarm due at `now`; null if there is none.
  Object* alarmed(Instant now);
  std::optional<Instant> next_alarm() const;

  /// Frees up to `elements` of the content of deleted objects.
  void reclaim(Machine& machine, std::size_t elements);
  bool pending_reclaim() const { return !dead_.empty(); }

  /// Returns how often a name was linked or unlinked: a version for caches of lookups.
  std::uint64_t names_changed() const { return names_changed_; }

  std::size_t size() const { return by_id_.size(); }
  /// Returns the bytes of all names.
  std::size_t name_bytes() const { return name_bytes_; }
  /// Returns the number of anonymous objects.
  std::size_t anonymous() const { return anonymous_; }

  /// Calls `visit(Object&)` for all objects whose name is greater than `after`, in the order of
  /// their names, until it returns false.
  template <typename Visit>
  void each_after(std::string_view after, Visit&& visit) {
    for (auto it = names_.upper_bound(after); it != names_.end(); ++it) {
      if (!visit(*find(*it))) return;
    }
  }

 private:
  std::unordered_map<std::string_view, Object*> by_name_;  // never iterated, only looked up
  NameCache<Object> name_cache_;                           // of by_name_
  std::unordered_map<ObjectId, std::unique_ptr<Object>> by_id_;
  std::set<std::string_view> names_;
  using Times = std::set<std::pair<Instant, ObjectId>>;
  Object* due(const Times& times, Instant now);
  static std::optional<Instant> first(const Times& times);

  Times expiries_;
  Times alarms_;
  std::size_t anonymous_ = 0;
  std::size_t name_bytes_ = 0;
  std::uint64_t names_changed_ = 0;
  std::deque<std::unique_ptr<State>> dead_;
};

}  // namespace agora
