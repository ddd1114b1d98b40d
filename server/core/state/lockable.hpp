// SPDX-License-Identifier: MIT

// Lockable: the State of an object that has owners: lock, rlock, rwlock and an owned semaphore.
//
// State::as_lock returns the Lockable, or null. The core asks it for the holders, the edges of the
// wait-for graph and the fencing tokens, and tells it to recall or lend its lock word.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "server/core/state/object.hpp"
#include "shared/base/ids.hpp"
#include "shared/base/time.hpp"

namespace agora {

/// One grant of a lock and its holder, for server.locks and for the waiters.
struct Holder {
  SessionId session;
  std::string owner;
  std::uint64_t token = 0;
  std::optional<Instant> since;
};

/// An owner: a session and its sub-identity.
struct OwnerRef {
  SessionId session;
  std::string owner;
  bool operator==(const OwnerRef&) const = default;
};

class Lockable;

/// Receives the owners for which waiters wait: the edges of the wait-for graph, for one search. It
/// remembers the parts of the graph that were visited, so that a search costs no more than there
/// are holders and waiters.
class Blockers {
 public:
  /// The part of one lock that was visited.
  struct Visited {
    bool holders = false;
    std::uint64_t all = 0;      ///< all waiters up to this serial number
    std::uint64_t writers = 0;  ///< the writers up to this serial number
  };

  Blockers() = default;
  Blockers(const Blockers&) = delete;
  Blockers& operator=(const Blockers&) = delete;
  virtual ~Blockers() = default;

  virtual void add(SessionId session, const std::string& owner) = 0;
  /// Returns the visited part of a lock; the caller adds only the rest, and then extends it.
  Visited& visited(const Lockable& lock) {
    Visited& part = visited_[&lock];
    before_.emplace_back(&lock, part);
    return part;
  }
  /// Returns true at the first wait to read of the present owner at that lock. The later ones wait
  /// for no others: when the first one is granted, they are granted with it.
  bool first_read(const Lockable& lock) { return reads_.insert(&lock).second; }
  /// Returns true if the present owner's earlier waits were not visited.
  bool alone() const { return alone_; }
  /// Counts one step over a waiter.
  void step() { ++steps_; }

 protected:
  using Locks = std::unordered_set<const Lockable*>;  // never iterated

  /// Notes that from here on visits can be undone.
  void keep_visits() { before_.clear(); }
  void undo_visits() {
    for (; !before_.empty(); before_.pop_back())
      visited_[before_.back().first] = before_.back().second;
  }
  void forget_visits() {
    visited_.clear();
    before_.clear();
  }

  Locks reads_;
  std::size_t steps_ = 0;
  bool alone_ = false;

 private:
  std::unordered_map<const Lockable*, Visited> visited_;  // never iterated
  std::vector<std::pair<const Lockable*, Visited>> before_;
};

class Lockable : public State {
 public:
  Lockable* as_lock() override { return this; }

  /// Appends the present holders.
  virtual void holders(std::vector<Holder>& out) const = 0;

  /// Adds the owners for which `waiter` waits here: the holders, and incompatible waiters ahead of
  /// it. These are the edges of the wait-for graph in which deadlocks are sought. Adds none if the
  /// object does not check owners, and none that were added before in this search.
  virtual void blockers(const Waiter&, Blockers&) const {}
  /// Tells whether `blockers` adds that owner as a holder. O(log n) in the holders.
  virtual bool blocks_as(SessionId, std::string_view /*owner*/) const { return false; }

  /// Tells whether its grants carry fencing tokens, so that a guard may name it.
  virtual bool gives_tokens() const { return false; }
  /// Returns the greatest fencing token given so far; 0 if it gives none.
  virtual std::uint64_t last_token() const { return 0; }

  /// Recalls the lock word from the clients to which it is lent (as in NFSv4): from now on the
  /// server alone changes it.
  virtual void recall(Machine&, Object&) {}
  /// Lends the lock word to clients, unless a holder or a waiter needs the server
  /// (MappedView::refresh_soon).
  virtual void lend(Machine&, Object&) {}
};

/// Returns the present holders of an object; none if it has no owners.
inline std::vector<Holder> holders_of(State& state) {
  std::vector<Holder> holders;
  if (const Lockable* lock = state.as_lock()) lock->holders(holders);
  return holders;
}

/// Recalls the object's lock word, if the object is a lock (Lockable::recall).
inline void recall_lock(Machine& machine, Object& object) {
  if (Lockable* lock = object.state->as_lock()) lock->recall(machine, object);
}

}  // namespace agora
