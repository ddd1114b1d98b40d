// What lock and rlock have in common, and condition borrows: one owner at a time, first come,
// first served; fencing tokens; what happens when an owner dies.
//
// An owner is a session and its `owner` text. Every grant carries a token, greater than all earlier
// ones of that name: base + count, the base taken from the server's floor when the lock is made,
// the floor raised when a lock is deleted. When a session ends, its lock goes to the next waiter,
// who is told owner_died, once; with on_owner_death="break" the lock stays broken until reset.
// owner_checked=false lets anybody release, as multiprocessing does.
//
// While nobody waits the lock may be lent: then programs on this host take and free it by its word
// alone (shared/shm/lock_word.hpp), and what stands here lags behind. Whatever looks at it or
// changes it here first takes the word back (lock_state, take_back).
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

/// Somebody's hold on a lock.
struct Grant {
  SessionId session;
  std::string owner;
  std::uint64_t token = 0;
  std::optional<Instant> since{};  ///< not known if it was taken without the server
  std::uint32_t slot = 0;          ///< by which the owner then took it; else 0
};

/// What of a lock changes.
struct LockContent {
  bool broken = false;      ///< an owner died; only reset mends it
  bool owner_died = false;  ///< to be said to the next grant
  std::uint64_t last_token_given = 0;
  std::uint64_t levels = 0;  ///< how often the holder has acquired it; 1 at most for a lock
  std::optional<Grant> grant;
};

/// Where a lock lies that programs on this host have located.
struct LockPlace {
  WordPlace word = 0;
  std::uint64_t base = 0;  ///< token = base + the word's count
};

class LockState : public Lockable {
 public:
  explicit LockState(Machine& machine) : machine_(machine) {}

  void save(Writer& out) const override;
  Outcome plain(Call& call, Writer& out) const override;
  void session_ended(Machine& machine, Object& object, SessionId session) override;
  void serve(Machine& machine, Object& object) override;
  std::function<void()> restorer(Machine& machine) override;
  void blockers(const Waiter& waiter, std::vector<OwnerRef>& out) const override;
  void holders(std::vector<Holder>& out) const override;
  void deleted(Machine& machine, Object& object) override;
  bool locate(Machine& machine, Object& object, Located& out) override;
  void take_back(Machine& machine, Object& object) override;
  void lend(Machine& machine, Object& object) override;
  bool gives_tokens() const override { return true; }
  std::uint64_t last_token() const override { return content.last_token_given; }

  /// Whether that owner may release it: holds it, or somebody does and owners are not checked.
  bool may_release(SessionId session, std::string_view owner) const;
  /// Whether that owner holds it.
  bool held_by(SessionId session, std::string_view owner) const;
  /// Gives it to that owner, or more levels to the one who holds it; returns the grant's token.
  std::uint64_t take(Machine& machine, Session& session, std::string_view owner,
                     std::uint64_t more);
  /// Gives all levels back. It must be held.
  void free(Machine& machine);

  bool reentrant = false;
  bool owner_checked = true;
  bool breaks = false;  ///< on_owner_death="break"
  bool local = false;   ///< programs on this host may take it without the server
  ObjectId id;
  LockContent content;
  WaitQueue waiting;
  std::set<ObjectId> conditions;  ///< where somebody may wait who would take it back

 private:
  void grant_to(Machine& machine, Waiter& next);
  void take_over(shm::LockWord word);
  std::uint64_t token_of(shm::LockWord word) const;
  void owner_gone();
  void show_word(bool with_server);

  Machine& machine_;
  std::optional<LockPlace> place_;
  bool lent_ = false;       // the word is the truth, and `content` may lag behind it
  std::uint64_t word_ = 0;  // while it is not lent: what the server has left there
};

/// The state of a lock or rlock, which is in the server's hands until the command is done.
LockState& lock_state(Machine& machine, Object& lock);

// Handlers; `lock` is the object, whose state is a LockState, and may be another than the call's
// own (condition). The time-out of acquire_lock is the call's argument 0.

/// -> {token, owner_died}.
/// @error owner_died  it is broken.
Outcome acquire_lock(Call& call, Object& lock, std::string_view owner);
/// @error not_locked, stale_token, not_owner  looked for in this order.
Outcome release_lock(Call& call, Object& lock, std::string_view owner,
                     std::optional<std::int64_t> token);

// Handlers of both types.
Outcome lock_acquire(Call& call);
Outcome lock_release(Call& call);
Outcome lock_locked(Call& call);
Outcome lock_holder(Call& call);
Outcome lock_reset(Call& call);

/// Makes the state of a new one; `creation.options` are owner_checked and on_owner_death.
/// @error value_error  another policy than report or break.
Expected<std::unique_ptr<State>> create_lock(Creation& creation, bool reentrant);
Expected<std::unique_ptr<State>> load_lock(Creation& creation, PackedView saved, bool reentrant);

// What rwlock shares.

/// Whether an on_owner_death option, absent perhaps, says break.
/// @error value_error  it is neither report nor break.
Expected<bool> breaks_on_death(PackedView option);
/// Writes {token, owner_died}.
void write_grant(Writer& out, std::uint64_t token, bool owner_died);
/// OwnerDied, for who asks for a broken lock.
Error broken_error(const Object& lock);

constexpr Parameter kOwnerChecked{
    "owner_checked", ParamKind::boolean, default_bool(true),
    "False: anybody may release it, as in multiprocessing; then no deadlock is looked for."};
constexpr Parameter kOnOwnerDeath{
    "on_owner_death", ParamKind::text, default_text("report"),
    "report: the next grant says owner_died; break: OwnerDied for all until reset."};
constexpr Parameter kGrantToken{"token", ParamKind::integer, kNull,
                                "The grant that is meant; null: whichever stands."};
constexpr std::string_view kGrantResult = "{token, owner_died}, or null if it was not got in time";

}  // namespace agora
