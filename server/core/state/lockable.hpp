// SPDX-License-Identifier: MIT

// Lockable: the State of an object that has owners: lock, rlock, rwlock and an owned semaphore.
//
// State::as_lock returns the Lockable, or null. The core asks it for the holders, the edges of the
// wait-for graph and the fencing tokens, and tells it to recall or lend its lock word.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
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

class Lockable : public State {
 public:
  Lockable* as_lock() override { return this; }

  /// Appends the present holders.
  virtual void holders(std::vector<Holder>& out) const = 0;

  /// Appends the owners for which `waiter` waits here: the holders, and incompatible waiters ahead
  /// of it. These are the edges of the wait-for graph in which deadlocks are sought. Appends none
  /// if the object does not check owners.
  virtual void blockers(const Waiter&, std::vector<OwnerRef>&) const {}

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
