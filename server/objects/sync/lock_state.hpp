// SPDX-License-Identifier: MIT

// LockState: the state of lock and rlock, also used by condition. It grants the lock in FIFO order
// to one owner at a time, issues fencing tokens, and handles the death of an owner.
//
// An owner is a session and its `owner` text. Every grant carries a token that is greater than all
// earlier ones of that name. The first token of a lock is above the server's token floor, which
// deleting a lock raises. When a session ends, its lock is granted to the next waiter, and the
// reply of that one grant says owner_died. With on_owner_death="break" the lock stays broken
// instead until reset. With owner_checked=false any session may release it, as in multiprocessing.
//
// A grant with a lease ends when the lease is over, as by the death of its owner, although the
// session lives on. The end of the lease is the object's alarm; a lock without leases has none. A
// wait of a condition takes the rest of the lease along, and its next grant has that again.
//
// While the lock has no holder and no waiter, its word may be lent: then clients on this host
// acquire and release it in shared memory alone (shared/shm/lock_word.hpp), and `content` is stale.
// Handlers reach the state through lock_state(), which recalls the word (recall).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "server/core/machine/call.hpp"
#include "server/core/state/lending.hpp"
#include "server/core/state/lockable.hpp"

namespace agora {

/// One grant of a lock, which an owner holds.
struct Grant {
  SessionId session;
  std::string owner;
  std::uint64_t token = 0;
  std::optional<Instant> since{};  ///< nullopt if it was acquired in shared memory
  std::uint32_t slot = 0;          ///< the owner slot of such an acquire; else 0
};

/// The part of a lock's state that calls change; a rollback restores it.
struct LockContent {
  bool broken = false;      ///< an owner died; only reset recovers it
  bool owner_died = false;  ///< the next grant reports it
  std::uint64_t last_token_given = 0;
  std::uint64_t levels = 0;  ///< recursion depth of the holder; at most 1 for a lock
  std::optional<Grant> grant;
};

/// The lock word of a lock that a client has located.
struct LockLocation {
  WordPlace word = 0;
  std::uint64_t base = 0;  ///< token = base + the word's count
};

class LockState : public Lockable {
 public:
  explicit LockState(Machine& machine) : machine_(machine) {}

  void save(Writer& out) const override;
  Outcome plain(Call& call, Writer& out) const override;
  void session_ended(Machine& machine, Object& object, SessionId session) override;
  void alarm(Machine& machine, Object& object) override;
  void serve(Machine& machine, Object& object) override;
  void waiter_left(Machine& machine, Object& object, Waiter& waiter) override;
  bool waiter_timed_out(Machine& machine, Object& object, Waiter& waiter) override;
  std::function<void()> restorer(Machine& machine) override;
  void blockers(const Waiter& waiter, Blockers& out) const override;
  bool blocks_as(SessionId session, std::string_view owner) const override {
    return owner_checked && held_by(session, owner);
  }
  void holders(std::vector<Holder>& out) const override;
  void deleted(Machine& machine, Object& object) override;
  bool locate(Machine& machine, Object& object, Located& out) override;
  void recall(Machine& machine, Object& object) override;
  void lend(Machine& machine, Object& object) override;
  bool gives_tokens() const override { return true; }
  std::uint64_t last_token() const override { return content.last_token_given; }

  /// Returns whether that owner may release the lock: the lock is held, by that owner or (if owners
  /// are not checked) by any.
  bool may_release(SessionId session, std::string_view owner) const;
  /// Returns whether that owner holds it.
  bool held_by(SessionId session, std::string_view owner) const;
  /// Grants the lock to that owner, or more levels if it is the holder; returns the grant's token.
  std::uint64_t take(Machine& machine, Session& session, std::string_view owner,
                     std::uint64_t more);
  /// Releases all levels. It must be held.
  void free(Machine& machine, Object& object);

  bool reentrant = false;
  bool owner_checked = true;
  bool breaks = false;  ///< on_owner_death="break"
  bool local = false;   ///< clients on this host may acquire it in shared memory
  ObjectId id;
  LockContent content;
  WaitQueue waiting;
  std::set<ObjectId> conditions;  ///< conditions on which calls have waited with this lock

 private:
  void grant_to(Machine& machine, Waiter& next);
  void adopt_word(shm::LockWord word);
  std::uint64_t token_of(shm::LockWord word) const;
  void release_dead_owner();
  void store_word(bool with_server);

  Machine& machine_;
  std::optional<LockLocation> location_;
  bool lent_ = false;       // the word is authoritative, and `content` may be stale
  std::uint64_t word_ = 0;  // the word that the server stored last, while not lent
};

/// Returns the state of a lock or rlock and recalls its word, which stays with the server until the
/// command is done.
LockState& lock_state(Machine& machine, Object& lock);

// Used by the handlers of lock, rlock and condition. `lock` is an object whose state is a
// LockState; for a condition it is not the call's own object. Argument 0 of the call is the
// time-out of acquire_lock.

/// Acquires the lock; the reply is {token, owner_died}.
/// @error owner_died  the lock is broken.
/// @param lease  the time after which the grant ends; zero: none
Outcome acquire_lock(Call& call, Object& lock, std::string_view owner, Duration lease = {});
/// Releases one level.
/// @error not_locked, stale_token, not_owner  checked in this order.
Outcome release_lock(Call& call, Object& lock, std::string_view owner,
                     std::optional<std::int64_t> token);

// Handlers of both types.
Outcome lock_acquire(Call& call);
Outcome lock_extend(Call& call);
Outcome lock_release(Call& call);
Outcome lock_locked(Call& call);
Outcome lock_holder(Call& call);
Outcome lock_reset(Call& call);

/// Creates the state; `creation.options` are owner_checked and on_owner_death.
/// @error value_error  on_owner_death is neither report nor break.
Expected<std::unique_ptr<State>> create_lock(Creation& creation, bool reentrant);
Expected<std::unique_ptr<State>> load_lock(Creation& creation, PackedView saved, bool reentrant);

// Shared with rwlock.

/// Returns whether an on_owner_death option, perhaps absent, says break.
/// @error value_error  it is neither report nor break.
Expected<bool> breaks_on_death(PackedView option);
/// Writes {token, owner_died}.
void write_grant(Writer& out, std::uint64_t token, bool owner_died);
/// Returns OwnerDied, the error of an acquire of a broken lock.
Error broken_error(const Object& lock);

constexpr Parameter kOwnerChecked{
    "owner_checked", ParamKind::boolean, default_bool(true),
    "False: any session may release it, as in multiprocessing; then deadlocks are not detected."};
constexpr Parameter kOnOwnerDeath{"on_owner_death", ParamKind::text, default_text("report"),
                                  "report: the next grant says owner_died; break: every acquire "
                                  "fails with OwnerDied until reset."};
constexpr Parameter kGrantToken{"token", ParamKind::integer, kNull,
                                "The token of the grant to release; null: the present grant."};
constexpr std::string_view kGrantResult = "{token, owner_died}, or null if the time-out came first";

}  // namespace agora
