// SPDX-License-Identifier: MIT

#include "server/objects/sync/lock_state.hpp"

#include <algorithm>
#include <utility>

#include "server/core/machine/deadlock.hpp"
#include "server/core/machine/session_format.hpp"
#include "server/core/methods/scalar.hpp"
#include "shared/value/elements.hpp"
#include "shared/value/text_detail.hpp"

namespace agora {
namespace {

std::string what(const Object& lock) { return std::string{lock.type->name} + " " + lock.name; }

Failure fail_on(const Object& lock, Errc code, std::string message) {
  Error error{code, std::move(message), Done::no, {}};
  error.details.push_back(text_detail("object", lock.name));
  return fail(std::move(error));
}

/// Returns the condition that notified a waiter of a lock; null if the waiter is no notified wait.
Object* notifier(Machine& machine, const Waiter& waiter) {
  if (waiter.levels == 0 || waiter.count == 0) return nullptr;
  return machine.registry().find(ObjectId{waiter.count});
}

/// Returns a lease in seconds; nullopt for null, as long as the session lives.
/// @error value_error  it is 0.
Expected<std::optional<Duration>> lease_of(const Call& call, std::size_t parameter) {
  const std::optional<Duration> lease = call.seconds(parameter);
  if (!lease || lease->count() > 0) return lease;
  return call.fail_here(Errc::value_error,
                        "lease must be more than 0 seconds, or null for as long as the session");
}

}  // namespace

LockState& lock_state(Machine& machine, Object& lock) {
  auto& state = static_cast<LockState&>(*lock.state);
  state.recall(machine, lock);
  return state;
}

// ---- the state -----------------------------------------------------------------------------

void LockState::save(Writer& out) const {
  out.list(4);
  out.unsigned_integer(content.last_token_given);
  out.boolean(owner_checked);
  out.boolean(breaks);
  out.boolean(content.broken);
}

Outcome LockState::plain(Call&, Writer& out) const {
  out.boolean(content.grant.has_value());
  return Progress::done;
}

void LockState::holders(std::vector<Holder>& out) const {
  if (lent_) {
    const shm::LockWord word{machine_.lending().words().load(location_->word)};
    const Lending::OwnerSlot* owner = machine_.lending().owner_of(word.owner());
    if (owner == nullptr) return;
    out.push_back({owner->session, owner->owner, token_of(word), std::nullopt});
    return;
  }
  if (const auto& grant = content.grant) {
    out.push_back({grant->session, grant->owner, grant->token, grant->since});
  }
}

bool LockState::held_by(SessionId session, std::string_view owner) const {
  return content.grant && content.grant->session == session && content.grant->owner == owner;
}

bool LockState::may_release(SessionId session, std::string_view owner) const {
  return content.grant && (!owner_checked || held_by(session, owner));
}

void LockState::blockers(const Waiter& waiter, Blockers& out) const {
  // The waiters ahead in the queue are left out. A cycle through one of them passes through the
  // holder as well, or closes only when that waiter is granted the lock: serve() then breaks it.
  static_cast<void>(waiter);
  if (!owner_checked || !content.grant) return;
  if (std::exchange(out.visited(*this).holders, true)) return;
  out.add(content.grant->session, content.grant->owner);
}

std::function<void()> LockState::restorer(Machine& machine) {
  if (Object* object = machine.registry().find(id)) recall(machine, *object);
  return [this, &machine, before = content] {
    if (content.grant) machine.sessions().returned(content.grant->session, id);
    content = before;
    if (content.grant) machine.sessions().granted(content.grant->session, id);
    store_word(true);
  };
}

std::uint64_t LockState::take(Machine& machine, Session& session, std::string_view owner,
                              std::uint64_t more) {
  if (!content.grant) {
    content.grant =
        Grant{session.id, std::string{owner}, ++content.last_token_given, machine.now()};
    machine.sessions().granted(session, id);
    store_word(true);
  }
  content.levels += more;
  return content.grant->token;
}

void LockState::free(Machine& machine, Object& object) {
  if (object.alarm) machine.set_alarm(object, std::nullopt);
  machine.sessions().returned(content.grant->session, id);
  content.grant.reset();
  content.levels = 0;
  store_word(true);
}

void LockState::session_ended(Machine& machine, Object& object, SessionId session) {
  if (!content.grant || content.grant->session != session) return;
  machine.changed(object, {});
  if (object.alarm) machine.set_alarm(object, std::nullopt);
  release_dead_owner();
}

/// Ends the grant whose lease is over.
void LockState::alarm(Machine& machine, Object& object) {
  if (!content.grant) return;
  machine.changed(object, {});
  machine.sessions().returned(content.grant->session, id);
  release_dead_owner();
}

void LockState::release_dead_owner() {
  content.grant.reset();
  content.levels = 0;
  content.owner_died = !breaks;
  content.broken = breaks;
  store_word(true);
}

bool LockState::locate(Machine& machine, Object& object, Located& out) {
  // If owners are not checked, a session may release the grant of another session, and a lock word
  // cannot express that.
  if (!local || !owner_checked) return false;
  if (!location_) {
    const auto word = machine.lending().lock_word(object.id);
    if (!word) return false;
    word_ = machine.lending().words().load(*word);
    location_ = LockLocation{*word, content.last_token_given - shm::LockWord{word_}.count()};
    store_word(true);
  }
  out.first = location_->word;
  out.count = 1;
  out.token_base = location_->base;
  return true;
}

void LockState::recall(Machine& machine, Object& object) {
  if (!lent_) return;
  const shm::LockWord found{
      machine.lending().words().set_bits(location_->word, shm::LockWord::kServerBit)};
  lent_ = false;
  word_ = found.recalled().bits;
  adopt_word(found);
  machine.mapped_view().refresh_soon(object);
}

/// Adopts the changes made in the word while it was lent. A client that writes garbage into the
/// word can corrupt this lock, and nothing else: tokens never decrease, and never exceed the
/// largest that can have been issued by now.
void LockState::adopt_word(shm::LockWord word) {
  content.last_token_given = std::max(content.last_token_given, token_of(word));
  content.levels = 0;
  if (word.owner() == 0) return;
  const Lending::OwnerSlot* owner = machine_.lending().owner_of(word.owner());
  // No live owner: the session was ended while its process ran on, or the word is corrupt.
  if (owner == nullptr || machine_.sessions().find(owner->session) == nullptr)
    return store_word(true);
  content.grant =
      Grant{owner->session, owner->owner, content.last_token_given, std::nullopt, word.owner()};
  content.levels = 1;
  machine_.sessions().granted(owner->session, id);
}

std::uint64_t LockState::token_of(shm::LockWord word) const {
  return machine_.clamp_token(location_->base + word.count());
}

void LockState::lend(Machine&, Object& object) {
  const bool may = location_ && !lent_ && !content.grant && !content.broken &&
                   !content.owner_died && waiting.empty() && !object.watched;
  if (!may) return;
  store_word(false);
}

/// Stores the state in the word, and whether the server keeps or lends it. The word does not name
/// an owner that acquired the lock by a call.
void LockState::store_word(bool with_server) {
  if (!location_) return;
  const std::uint64_t count = content.last_token_given - location_->base;
  const std::uint32_t owner = content.grant ? content.grant->slot : 0;
  const std::uint64_t stored = shm::LockWord::of(count, with_server).bits | std::uint64_t{owner}
                                                                                << 2;
  Words& words = machine_.lending().words();
  // Only a hostile client changes a word that the server has not lent: such a word is never lent
  // again.
  const bool ours = words.compare_exchange(location_->word, word_, stored);
  lent_ = ours && !with_server;
  if (ours) word_ = stored;
}

void LockState::deleted(Machine& machine, Object&) {
  if (location_) machine.lending().free_word(id, location_->word, 0);
  location_.reset();
  for (const ObjectId condition : conditions) {
    if (Object* object = machine.registry().find(condition)) machine.serve_soon(*object);
  }
}

/// Grants a waiter the lock, or another level of it, and replies.
void LockState::grant_to(Machine& machine, Waiter& next) {
  machine.changed(*next.object, next.method);
  if (next.levels != 0) {
    // The reply of a condition's wait cannot report owner_died, so leave that to the next grant.
    take(machine, *next.home, next.owner, next.levels);
    if (!next.key.view().is_null()) {
      machine.set_alarm(*next.object, machine.now() + Duration{read(next.key).integer});
    }
    const bool notified = next.count != 0;
    return machine.reply(next, [&](Writer& out) { out.boolean(notified); });
  }
  const std::uint64_t token = take(machine, *next.home, next.owner, 1);
  if (next.count != 0) {
    const auto lease = Duration{static_cast<std::int64_t>(next.count)};
    machine.set_alarm(*next.object, machine.now() + lease);
  }
  const bool died = std::exchange(content.owner_died, false);
  machine.reply(next, [&](Writer& out) { write_grant(out, token, died); });
}

void LockState::serve(Machine& machine, Object& object) {
  while (content.broken && !waiting.empty()) {
    machine.refuse(*waiting.front(), broken_error(object));
  }
  if (content.grant || content.broken) return;
  Waiter* const next = machine.next_in(waiting);
  if (next == nullptr) return;
  const bool waits_elsewhere = next->waits_elsewhere();
  const OwnerRef owner{next->session, waits_elsewhere ? next->owner : std::string{}};
  grant_to(machine, *next);
  Machine::prefetch_next_waiter(waiting);
  if (!waits_elsewhere) return;
  // This grant may decide further waits of the same owner: on a reentrant lock they are granted
  // too, and a wait that now closes a cycle gets Deadlock.
  const auto other = [&] { return machine.waiters().first_of(owner.session, owner.owner); };
  for (Waiter* waiter = reentrant ? other() : nullptr; waiter != nullptr;) {
    Waiter& further = *std::exchange(waiter, Waiters::next_of_owner(*waiter));
    if (further.queue == &waiting && machine.may_serve(further)) grant_to(machine, further);
  }
  if (other() != nullptr) break_cycles(machine, owner);
}

void LockState::waiter_left(Machine& machine, Object&, Waiter& waiter) {
  if (content.broken) return;
  if (Object* condition = notifier(machine, waiter)) {
    condition->state->waiter_left(machine, *condition, waiter);
  }
}

bool LockState::waiter_timed_out(Machine& machine, Object&, Waiter& waiter) {
  if (waiter.levels == 0) return false;
  machine.waiters().set_deadline(waiter, std::nullopt);
  if (Object* condition = notifier(machine, waiter)) {
    condition->state->waiter_timed_out(machine, *condition, waiter);
  }
  return true;
}

// ---- handlers ------------------------------------------------------------------------------

void write_grant(Writer& out, std::uint64_t token, bool owner_died) {
  out.map(2);
  out.text("token"), out.unsigned_integer(token);
  out.text("owner_died"), out.boolean(owner_died);
}

Error broken_error(const Object& lock) {
  return {
      Errc::owner_died,
      what(lock) + " is broken: an owner died; " + std::string{lock.type->name} + ".reset mends it",
      Done::no,
      {}};
}

Outcome acquire_lock(Call& call, Object& object, std::string_view owner, Duration lease) {
  LockState& lock = lock_state(call.machine(), object);
  if (lock.content.broken) {
    Error error = broken_error(object);
    return fail_on(object, error.code, std::move(error.message));
  }
  const bool more = lock.reentrant && lock.held_by(call.session(), owner);
  if (!more && (lock.content.grant || !lock.waiting.empty())) {
    return call.wait(lock.waiting, 0, [&](Waiter& waiter) {
      waiter.object = &object;
      waiter.owner = owner;
      waiter.count = static_cast<std::uint64_t>(lease.count());
    });
  }
  call.machine().changed(object, call.method());
  Session& session = *call.machine().sessions().of(call.session(), call.caller().link);
  const std::uint64_t token = lock.take(call.machine(), session, owner, 1);
  if (lease.count() != 0) call.machine().set_alarm(object, call.now() + lease);
  Writer out = call.reply();
  write_grant(out, token, std::exchange(lock.content.owner_died, false));
  return Progress::done;
}

Outcome release_lock(Call& call, Object& object, std::string_view owner,
                     std::optional<std::int64_t> token) {
  LockState& lock = lock_state(call.machine(), object);
  const auto& grant = lock.content.grant;
  if (!grant) return fail_on(object, Errc::not_locked, what(object) + " is not held");
  if (token && static_cast<std::uint64_t>(*token) != grant->token) {
    return fail_on(object, Errc::stale_token,
                   what(object) + " is held under another token than " + std::to_string(*token));
  }
  if (!lock.may_release(call.session(), owner)) {
    return fail_on(object, Errc::not_owner, what(object) + " is held by another owner");
  }
  if (--lock.content.levels == 0) lock.free(call.machine(), object);
  call.machine().changed(object, call.method());
  return Progress::done;
}

Outcome lock_acquire(Call& call) {
  if (!call.given(2)) return acquire_lock(call, call.object(), call.text(1));
  auto lease = lease_of(call, 2);
  if (!lease) return lease.failure();
  return acquire_lock(call, call.object(), call.text(1), lease->value_or(Duration{}));
}

Outcome lock_extend(Call& call) {
  auto lease = lease_of(call, 1);
  if (!lease) return lease.failure();
  Object& object = call.object();
  const LockState& lock = lock_state(call.machine(), object);
  const auto& grant = lock.content.grant;
  if (!grant || grant->token != static_cast<std::uint64_t>(call.integer(0))) {
    return fail_on(
        object, Errc::stale_token,
        "the grant of " + what(object) + " with token " + call.decimal(0) + " no longer stands");
  }
  if (lock.owner_checked && grant->session != call.session()) {
    return fail_on(object, Errc::not_owner, what(object) + " is held by another session");
  }
  std::optional<Instant> until;
  if (*lease) until = call.now() + **lease;
  call.machine().set_alarm(object, until);
  return Progress::done;
}

Outcome lock_release(Call& call) {
  return release_lock(call, call.object(), call.text(0), call.maybe_integer(1));
}

Outcome lock_locked(Call& call) {
  call.reply().boolean(lock_state(call.machine(), call.object()).content.grant.has_value());
  return Progress::done;
}

Outcome lock_holder(Call& call) {
  std::vector<Holder> holders;
  lock_state(call.machine(), call.object()).holders(holders);
  Writer out = call.reply();
  if (holders.empty()) {
    out.null();
  } else {
    write_holder(out, call.machine(), holders.front());
  }
  return Progress::done;
}

Outcome lock_reset(Call& call) {
  LockState& lock = lock_state(call.machine(), call.object());
  if (lock.content.broken) call.changed();
  lock.content.broken = false;
  return Progress::done;
}

// ---- creation ------------------------------------------------------------------------------

Expected<bool> breaks_on_death(PackedView option) {
  if (!option.present()) return false;
  const std::string_view policy = read(option).body;
  if (policy == "break") return true;
  if (policy == "report") return false;
  return fail(Errc::value_error, "on_owner_death must be \"report\" or \"break\"");
}

Expected<std::unique_ptr<State>> create_lock(Creation& creation, bool reentrant) {
  auto lock = std::make_unique<LockState>(creation.machine);
  lock->id = creation.id;
  lock->local = creation.local;
  lock->reentrant = reentrant;
  lock->content.last_token_given = creation.machine.token_floor();
  const PackedView checked = creation.options[0];
  if (checked.present()) lock->owner_checked = read(checked).boolean;
  auto breaks = breaks_on_death(creation.options[1]);
  if (!breaks) return breaks.failure();
  lock->breaks = *breaks;
  return lock;
}

Expected<std::unique_ptr<State>> load_lock(Creation& creation, PackedView saved, bool reentrant) {
  auto lock = std::make_unique<LockState>(creation.machine);
  lock->id = creation.id;
  lock->local = creation.local;
  lock->reentrant = reentrant;
  Reader reader{saved};
  read(reader);
  lock->content.last_token_given = read(reader).natural;
  for (bool* flag : {&lock->owner_checked, &lock->breaks, &lock->content.broken}) {
    *flag = read(reader).boolean;
  }
  return lock;
}

}  // namespace agora
