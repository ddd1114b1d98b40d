// Names to objects, and when an object dies.
//
// Named objects live until deleted or expired; anonymous ones while a session holds them or a
// container refers to them. Deleted objects leave their names at once; their content is given
// back in slices, so that no delete stops the one thread.
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
  /// The object of that name, or none. O(1).
  Object* find(std::string_view name);
  /// The object with that id, or none (it was deleted). O(1).
  Object* find(ObjectId id);

  /// Enters an object; its name must be free.
  Object& add(std::unique_ptr<Object> object);

  /// Takes the object out of the names and the expiries and ends it; its content waits to be
  /// given back.
  void remove(Object& object);
  /// Content that nobody sees any more (a deleted object's, a cleared container's).
  void give_back_later(std::unique_ptr<State> content) { dead_.push_back(std::move(content)); }

  /// Gives it a time to die, or none.
  void expire(Object& object, std::optional<Instant> when);
  /// An object that is due at `now`, earliest first; none if there is none.
  Object* due(Instant now);
  std::optional<Instant> next_expiry() const;

  /// Hides an object from its name, and shows it again: what a transaction does while it runs.
  void unlink(Object& object);
  void link(Object& object);

  /// Sets the time of the object's alarm, or none.
  void set_alarm(Object& object, std::optional<Instant> when);
  /// An object whose alarm is due at `now`, earliest first; none if there is none.
  Object* alarmed(Instant now);
  std::optional<Instant> next_alarm() const;

  /// Gives back up to `elements` of the content of deleted objects.
  void reclaim(Machine& machine, std::size_t elements);
  bool pending_reclaim() const { return !dead_.empty(); }

  /// How often a name came to stand for another object, or for none.
  std::uint64_t names_changed() const { return names_changed_; }

  std::size_t size() const { return by_id_.size(); }
  /// How many of them are anonymous.
  std::size_t anonymous() const { return anonymous_; }

  /// All objects whose name is greater than `after`, in the order of their names, until `visit`
  /// returns false.
  template <typename Visit>
  void each_after(std::string_view after, Visit&& visit) {
    for (auto it = names_.upper_bound(after); it != names_.end(); ++it) {
      if (!visit(*find(*it))) return;
    }
  }

 private:
  std::unordered_map<std::string_view, Object*> by_name_;  // looked up only, never walked
  NameCache<Object> name_cache_;                           // of by_name_
  std::unordered_map<ObjectId, std::unique_ptr<Object>> by_id_;
  std::set<std::string_view> names_;
  using Times = std::set<std::pair<Instant, ObjectId>>;
  Object* due(const Times& times, Instant now);
  static std::optional<Instant> first(const Times& times);

  Times expiries_;
  Times alarms_;
  std::size_t anonymous_ = 0;
  std::uint64_t names_changed_ = 0;
  std::deque<std::unique_ptr<State>> dead_;
};

}  // namespace agora
