// SPDX-License-Identifier: MIT

// condition: a condition variable. multiprocessing.Condition.
//
// Its lock is an existing one, given by name or reference, or an rlock of its own that lives as
// long as the condition. wait releases all levels of the lock. It replies only once it has
// reacquired them, even after its time-out, and it never gets Deadlock. A waiter that is notified,
// or whose time-out comes, moves to the end of the lock's queue; a waiter whose session ends is
// removed. A wait that is cancelled, or whose lock is deleted or broken, ends at once, with an
// error and without the lock.
//
// A notify is never lost on a waiter that is gone. If a notified waiter leaves the lock's queue
// before it is granted the lock, because its session ends or the call is cancelled, its notify
// passes to the next waiter. If its time-out comes there, the notify passes on too and the wait
// will return false; if no other call waits, it keeps the notify and will return true. A lock that
// broke passes on nothing: its owner died amid a change, and all waits that reacquire it get
// OwnerDied.

#include "server/core/machine/deadlock.hpp"
#include "server/core/methods/scalar.hpp"
#include "server/objects/retry_semantics.hpp"
#include "server/objects/sync/lock_state.hpp"
#include "server/objects/types.hpp"
#include "shared/value/elements.hpp"
#include "shared/value/text_detail.hpp"

namespace agora {
namespace {

bool is_lock(const Object& object) {
  return object.type == &lock_type() || object.type == &rlock_type();
}

class Condition : public State {
 public:
  void save(Writer& out) const override { out.reference(lock_name); }
  Outcome plain(Call&, Writer& out) const override {
    out.null();
    return Progress::done;
  }
  bool release_some(Machine& machine, std::size_t) override {
    if (refers) machine.release(reference());
    refers = false;
    return true;
  }
  void serve(Machine& machine, Object& object) override;
  void deleted(Machine& machine, Object& object) override;
  void waiter_left(Machine& machine, Object& object, Waiter& waiter) override;
  bool waiter_timed_out(Machine& machine, Object& object, Waiter& waiter) override;
  std::function<void()> restorer(Machine& machine) override;
  void each_reference(const std::function<void(std::string_view)>& visit) const override {
    visit(lock_name);
  }

  Packed reference() const {
    std::string packed;
    Writer{packed}.reference(lock_name);
    return Packed{std::move(packed)};
  }
  /// Returns its lock.
  /// @error not_found   the lock was deleted.
  /// @error wrong_type  another object has its name now.
  Expected<Object*> lock(Machine& machine, const Object& object) const;
  void wake(Machine& machine, Object& object, Waiter& waiter, bool notified);
  /// Has serve() wake up to `n` more waiters, the oldest first.
  void notify(Machine& machine, Object& object, std::size_t n);

  std::string lock_name;
  ObjectId lock_id;         ///< the lock that the present waiters released
  bool refers = false;      ///< the reference to the lock is counted
  std::size_t to_wake = 0;  ///< waiters that notify has woken and that serve() must still move
  WaitQueue waiting;
};

Expected<Object*> Condition::lock(Machine& machine, const Object& object) const {
  Object* found = machine.registry().find(lock_name);
  const auto error = [&](Errc code, const std::string& why) -> Failure {
    Error made{code, "the lock " + lock_name + " of condition " + object.name + why, Done::no, {}};
    made.details.push_back(text_detail("object", lock_name));
    return fail(std::move(made));
  };
  if (found == nullptr) return error(Errc::not_found, " was deleted");
  if (is_lock(*found)) return found;
  return error(Errc::wrong_type,
               " was deleted, and a " + std::string{found->type->name} + " has its name now");
}

/// Moves a waiter to the lock's queue, to reacquire the lock.
void Condition::wake(Machine& machine, Object& object, Waiter& waiter, bool notified) {
  auto found = lock(machine, object);
  if (!found) return machine.refuse(waiter, std::move(found.error()));
  const OwnerRef owner{waiter.session, waiter.owner};
  // A notified waiter keeps its deadline: when that comes, the notify passes to the next waiter.
  waiter.count = notified ? object.id.number : 0;
  machine.waiters().move(waiter, **found, lock_state(machine, **found).waiting,
                         notified ? waiter.until : std::nullopt);
  machine.serve_soon(**found);
  break_cycles(machine, owner);
}

void Condition::serve(Machine& machine, Object& object) {
  // Once the lock is deleted, no session can notify the waiters any more: wake them all, which
  // refuses them.
  auto found = lock(machine, object);
  if (!found) to_wake = waiting.size();
  while (found && (*found)->id != lock_id && !waiting.empty()) {
    machine.refuse(*waiting.front(), Errc::not_found,
                   "the lock " + lock_name + " of condition " + object.name + " was deleted");
  }
  for (; to_wake > 0 && !waiting.empty(); --to_wake) {
    wake(machine, object, *waiting.front(), true);
  }
  to_wake = 0;
}

void Condition::deleted(Machine& machine, Object& object) {
  if (auto found = lock(machine, object)) lock_state(machine, **found).conditions.erase(object.id);
}

void Condition::notify(Machine& machine, Object& object, std::size_t n) {
  to_wake = std::min(waiting.size(), to_wake + std::min(n, waiting.size()));
  machine.serve_soon(object);
}

/// Passes the notify of a waiter that left the lock's queue (LockState::waiter_left) to the next.
void Condition::waiter_left(Machine& machine, Object& object, Waiter& waiter) {
  if (waiter.count != 0) notify(machine, object, 1);
}

bool Condition::waiter_timed_out(Machine& machine, Object& object, Waiter& waiter) {
  if (waiter.count == 0) {
    wake(machine, object, waiter, false);
  } else if (!waiting.empty()) {
    waiter.count = 0;
    // Woken at once, not by serve(): the next waiter's own time-out may come at the same time.
    wake(machine, object, *waiting.front(), true);
  }
  return true;
}

std::function<void()> Condition::restorer(Machine& machine) {
  std::function<void()> of_lock;
  if (Object* found = machine.registry().find(lock_name); found != nullptr && is_lock(*found)) {
    of_lock = found->state->restorer(machine);
  }
  return [this, before = to_wake, of_lock = std::move(of_lock)] {
    to_wake = before;
    if (of_lock) of_lock();
  };
}

// ---- handlers ------------------------------------------------------------------------------

/// Returns the lock, if the caller holds it.
Expected<Object*> held_lock(Call& call, Condition& condition, std::string_view owner) {
  auto lock = condition.lock(call.machine(), call.object());
  if (!lock || lock_state(call.machine(), **lock).may_release(call.session(), owner)) return lock;
  return call.fail_here(Errc::runtime_error,
                        call.what() + ": its lock " + (*lock)->name + " is not held by this owner");
}

Outcome acquire(Call& call, Condition& condition) {
  auto lock = condition.lock(call.machine(), call.object());
  if (!lock) return lock.failure();
  return acquire_lock(call, **lock, call.text(1));
}

Outcome release(Call& call, Condition& condition) {
  auto lock = condition.lock(call.machine(), call.object());
  if (!lock) return lock.failure();
  return release_lock(call, **lock, call.text(0), std::nullopt);
}

Outcome wait(Call& call, Condition& condition) {
  auto found = held_lock(call, condition, call.text(1));
  if (!found) return found.failure();
  LockState& lock = lock_state(call.machine(), **found);
  Outcome outcome = call.wait(condition.waiting, 0, [&](Waiter& waiter) {
    waiter.owner = call.text(1);
    waiter.levels = lock.content.levels;
    if (const auto until = (*found)->alarm) {
      std::string left;
      Writer{left}.integer((*until - call.now()).count());
      waiter.key = Packed{std::move(left)};
    }
    // The release of the lock is the effect of the call: the guard is not checked again.
    waiter.drop_guard();
  });
  if (!outcome || *outcome == Progress::done) return outcome;
  lock.conditions.insert(call.object().id);
  condition.lock_id = (*found)->id;
  lock.free(call.machine(), **found);
  call.machine().changed(**found, call.method());
  return outcome;
}

Outcome notify_some(Call& call, Condition& condition, std::string_view owner, std::size_t n) {
  auto lock = held_lock(call, condition, owner);
  if (!lock) return lock.failure();
  condition.notify(call.machine(), call.object(), n);
  return Progress::done;
}

Outcome notify(Call& call, Condition& condition) {
  if (call.integer(0) < 1) {
    return call.fail_here(Errc::value_error,
                          "n must be at least 1, got " + std::to_string(call.integer(0)));
  }
  return notify_some(call, condition, call.text(1), static_cast<std::size_t>(call.integer(0)));
}

Outcome notify_all(Call& call, Condition& condition) {
  return notify_some(call, condition, call.text(0), condition.waiting.size());
}

// ---- creation ------------------------------------------------------------------------------

/// Returns the options that object.info reports: the given ones, and the lock as a reference.
Packed with_lock(PackedView given, const Condition& condition) {
  std::string pairs;
  std::uint32_t count = 1;
  Reader reader{given};
  for (std::uint32_t left = read(reader).count; left > 0; --left) {
    const PackedView key = reader.value();
    const PackedView value = reader.value();
    if (read(key).body == "lock") continue;
    pairs.append(key.bytes()).append(value.bytes());
    ++count;
  }
  std::string packed;
  Writer out{packed};
  out.map(count);
  packed += pairs;
  out.text("lock"), out.reference(condition.lock_name);
  return Packed{std::move(packed)};
}

/// Returns the object that the option lock names.
Expected<Object*> lock_named(Creation& creation, std::string_view name) {
  Object* lock = creation.machine.registry().find(name);
  if (lock == nullptr) {
    return fail(Errc::not_found, "option lock: there is no object " + std::string{name} +
                                     "; create it with object.create rlock " + std::string{name});
  }
  if (is_lock(*lock)) return lock;
  return fail(Errc::wrong_type, "option lock: " + lock->name + " is a " +
                                    std::string{lock->type->name} +
                                    ", and a condition needs a lock or a rlock");
}

Expected<std::unique_ptr<State>> create(Creation& creation) {
  auto condition = std::make_unique<Condition>();
  const PackedView given = creation.options[0];
  const bool own = !given.present() || given.is_null();
  auto lock = own ? creation.machine.create(rlock_type(), {}, {}, {}, creation.session)
                  : lock_named(creation, read(given).body);
  if (!lock) return lock.failure();
  condition->lock_name = (*lock)->name;
  condition->lock_id = (*lock)->id;
  if (auto kept = creation.machine.retain(condition->reference()); !kept) return kept.failure();
  condition->refers = true;
  creation.shown = with_lock(creation.given, *condition);
  return condition;
}

Expected<std::unique_ptr<State>> load(Creation& creation, PackedView saved) {
  auto condition = std::make_unique<Condition>();
  condition->lock_name = read(saved).body;
  // A named lock may have been deleted before the condition was saved.
  if (const Object* lock = creation.machine.registry().find(condition->lock_name)) {
    condition->lock_id = lock->id;
    if (auto kept = creation.machine.retain(saved); !kept) return kept.failure();
    condition->refers = true;
  }
  creation.shown = with_lock(creation.given, *condition);
  return condition;
}

constexpr Method kMethods[] = {
    {.name = "acquire",
     .parameters = {kTimeout, kOwner},
     .result = kGrantResult,
     .errors = {Errc::deadlock, Errc::owner_died, Errc::not_found, Errc::wrong_type},
     .access = Access::write,
     .timed_out = TimedOut::null,
     .cost = "O(1), plus the deadlock detection: O(connected waits)",
     .doc = "Acquires the condition's lock, like acquire of that lock, with the same owners.",
     .if_reply_lost = retry::kGrant,
     .handler = on<&acquire>},
    {.name = "release",
     .parameters = {kOwner},
     .result = "null",
     .errors = {Errc::not_locked, Errc::not_owner, Errc::not_found, Errc::wrong_type},
     .access = Access::write,
     .cost = "O(1)",
     .doc = "Releases the condition's lock, like release of that lock.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&release>},
    {.name = "wait",
     .parameters = {kTimeout, kOwner},
     .result = "bool: false if the time-out came before a notify",
     .errors = {Errc::runtime_error, Errc::owner_died, Errc::not_found, Errc::wrong_type},
     .access = Access::write,
     .timed_out = TimedOut::no,
     .cost = "O(1)",
     .doc = "Releases all levels of the lock, waits for a notify, and reacquires the lock, "
            "however long that takes. With either result the owner holds the lock, under a "
            "new token; after an error it does not. With timeout 0 it returns false and keeps "
            "the lock. Fails with RuntimeError if the owner does not hold the lock.",
     .if_reply_lost = "The session holds the lock again, which is released when the session ends.",
     .handler = on<&wait>},
    {.name = "notify",
     .parameters = {Parameter{"n", ParamKind::integer, default_int(1),
                              "The maximum number of waits to wake, at least 1."},
                    kOwner},
     .result = "null",
     .errors = {Errc::runtime_error, Errc::value_error, Errc::not_found, Errc::wrong_type},
     .access = Access::write,
     .cost = "O(woken)",
     .doc = "Wakes the n longest waits, or none if there are none. They reacquire the lock "
            "one after the other once it is released. Fails with RuntimeError if the owner "
            "does not hold it.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&notify>},
    {.name = "notify_all",
     .parameters = {kOwner},
     .result = "null",
     .errors = {Errc::runtime_error, Errc::not_found, Errc::wrong_type},
     .access = Access::write,
     .cost = "O(woken)",
     .doc = "Wakes all waits. Fails with RuntimeError if the owner does not hold the lock.",
     .if_reply_lost = retry::kIdempotent,
     .handler = on<&notify_all>},
};
static_assert(check_table(kMethods));

constexpr Parameter kOptions[] = {
    {"lock", ParamKind::name, kNull,
     "A lock or rlock, by name or reference; null: an rlock of its own."},
};

}  // namespace

const ObjectType& condition_type() {
  static constexpr ObjectType kType{
      .name = "condition",
      .doc = "A condition variable: releases a lock while it waits for a notify.",
      .options = kOptions,
      .methods = kMethods,
      .create = create,
      .load = load};
  return kType;
}

}  // namespace agora
