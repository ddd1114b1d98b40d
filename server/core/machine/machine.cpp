// SPDX-License-Identifier: MIT

#include "server/core/machine/machine.hpp"

#include <algorithm>
#include <chrono>
#include <new>
#include <utility>
#include <vector>

#include "server/core/machine/atomic_run.hpp"
#include "server/core/machine/call.hpp"
#include "server/core/machine/creation.hpp"
#include "server/core/machine/deadlock.hpp"
#include "server/core/machine/session_format.hpp"
#include "server/core/methods/scalar.hpp"
#include "server/core/state/scope_check.hpp"
#include "shared/value/msgpack_reader.hpp"

namespace agora {
namespace {

// The memory of an object apart from its content and its name, in bytes, roughly as measured.
// Counting it lets the memory cap stop a flood of empty objects.
constexpr std::size_t kObjectBytes = 640;

// An upper bound: a grant and its release cost two atomic operations, and no hardware does 2^28
// such pairs a second. Even at that rate tokens would stay below 2^53 for a year of uptime.
constexpr std::uint64_t kGrantsPerSecondMax = std::uint64_t{1} << 28;

// Elements of deleted objects that are freed after each command.
constexpr std::size_t kReclaimElements = 2'000;
// The most commands of a batch after which that is done: large batches must not take long for it.
constexpr int kReclaimsMax = 8;

}  // namespace

Machine::Machine(std::vector<const ObjectType*> types, ExtentSource& extents, MachineInput input)
    : catalogue_(std::move(types)),
      input_(std::move(input)),
      arena_(extents),
      values_(arena_, input_.limits.blob_bytes_min),
      now_(input_.started),
      token_floor_(input_.token_floor) {}

Machine::~Machine() = default;

std::size_t Machine::memory_used() const {
  return content_bytes(registry_.size()) + notifications_.bytes_used() + waiters_.bytes_used() +
         sessions_.bytes_used();
}

std::size_t Machine::content_bytes(std::size_t objects) const {
  return arena_.bytes_used() + lending().words().bytes_used() + heap_bytes_ +
         objects * kObjectBytes + registry_.name_bytes();
}

Error Machine::out_of_memory() const {
  const bool at_cap = memory_cap_ == input_.limits.memory_bytes_max;
  return at_cap ? memory_full(memory_cap_) : system_memory_full();
}

std::size_t Machine::bytes_taken() const {
  return bytes_reserved() + notifications_.bytes_used() + registry_.size() * kObjectBytes +
         registry_.name_bytes() + waiters_.bytes_used() + sessions_.bytes_used();
}

std::size_t Machine::bytes_reserved() const {
  const std::size_t words_ahead = input_.words != nullptr ? input_.words->bytes_ahead() : 0;
  return arena_.bytes_reserved() + arena_.source().bytes_ahead() +
         lending().words().bytes_reserved() + words_ahead;
}

bool Machine::note_memory() {
  const std::size_t used = memory_used();
  if (used - memory_low_ <= memory_high_ - memory_low_) return false;  // the usual case
  if (used > memory_high_) {
    set_memory_peak(used);
    return false;
  }
  if (memory_lately_ == 0) memory_lately_ = used + 1;
  return true;
}

/// A fall below 15/16 of the peak less 1 MiB is worth the work of giving memory back.
void Machine::set_memory_peak(std::size_t used) {
  constexpr std::size_t kWorthBytes = std::size_t{1} << 20;
  constexpr std::size_t kStepBytes = std::size_t{64} << 10;  // so that few turns set it again
  const std::size_t worth = used / 16 + kWorthBytes;
  memory_low_ = used - std::min(used, worth);
  memory_high_ = used + kStepBytes;
}

bool Machine::give_back_memory() {
  const std::size_t used = memory_used();
  if (used >= memory_low_) return false;
  // It falls still: the freed memory may be a part of a larger range to come.
  const std::size_t before = std::exchange(memory_lately_, used + 1);
  if (before > used + 1 + used / 16) return false;
  memory_lately_ = 0;
  set_memory_peak(used);
  arena_.give_back();
  lending().words().give_back();
  mapped_view_.refresh_memory();
  return true;
}

std::uint64_t Machine::clamp_token(std::uint64_t token) const {
  const auto lived = std::chrono::duration_cast<std::chrono::seconds>(now_ - input_.started);
  const auto seconds = static_cast<std::uint64_t>(std::max<std::int64_t>(lived.count(), 0)) + 1;
  const std::uint64_t most = input_.token_floor + seconds * kGrantsPerSecondMax;
  // The time of a batch is that of its start, so the grants of one more second are plausible. A
  // greater token is corrupt. It is clamped to `most` and not to a second more: the tokens of later
  // locks may begin there, and they must be plausible too.
  return token <= most + kGrantsPerSecondMax ? token : most;
}

void Machine::apply(const Batch& batch, Effects& effects) {
  for (std::size_t next = 0; apply_some(batch, next, effects);) {
  }
}

bool Machine::apply_some(const Batch& batch, std::size_t& next, Effects& effects) {
  // Enough for the replies of the usual batch, and few enough that they are still in the cache when
  // they are delivered.
  constexpr std::size_t kEnoughBytes = std::size_t{1} << 20;
  effects_ = &effects;
  now_ = std::max(now_, batch.now);  // a clock that goes back must not delay deadlines
  wall_ahead_ = batch.wall_ahead;
  memory_cap_ = batch.memory_short ? 1 : input_.limits.memory_bytes_max;
  if (next == 0) {
    last_search_work_ -= last_search_work_ / 64;
    prefetcher_.begin(batch);
    large_replies_.clear();
  }
  int reclaims = kReclaimsMax;
  std::size_t i = next;
  while (i < batch.commands.size() && (i == next || effects.size() < kEnoughBytes)) {
    apply(batch, i, prefetcher_.advance(batch, i));
    ++i;
    serve_pending();
    notifications_.catch_up();
    if (registry_.pending_reclaim() && reclaims > 0) {
      registry_.reclaim(*this, kReclaimElements);
      --reclaims;
    }
    if (has_unneeded()) free_unneeded();
  }
  mapped_view_.refresh_memory();
  effects_ = nullptr;
  next = i;
  return i < batch.commands.size();
}

/// Tells whether the link's further commands in this batch are to run in a later one: its replies
/// so far fill the output of a connection. The verdict depends on the batch alone, and not on what
/// the client has read, so the same batches always give the same effects.
bool Machine::is_to_postpone(LinkId link) const {
  for (const auto& [large, bytes] : large_replies_) {
    if (large == link) return bytes > input_.limits.output_bytes_max;
  }
  return false;
}

void Machine::note_large_reply(LinkId link, std::size_t bytes) {
  for (auto& [large, sum] : large_replies_) {
    if (large != link) continue;
    sum += bytes;
    return;
  }
  large_replies_.emplace_back(link, bytes);
}

void Machine::apply(const Batch& batch, std::size_t index, Prefetcher::Prefetched prefetched) {
  const Command& command = batch.commands[index];
  if (!large_replies_.empty() && is_to_postpone(command.link)) {
    push(Effect::Kind::postponed, command.link, 0).offset = index;
    return;
  }
  switch (command.kind) {
    case Command::Kind::call:
      return call(batch, command, prefetched);
    case Command::Kind::link_opened:
      open_link(command.link, batch.peers[command.peer]);
      return;
    case Command::Kind::link_closed:
      return link_closed(command.link);
    case Command::Kind::process_exited:
      return end_waits(command.session);
    case Command::Kind::process_drained:
      return end_session(command.session, true);
    case Command::Kind::not_mapped:
      if (Session* session = sessions_.find(command.session)) session->mapped = false;
      return;
    case Command::Kind::server_ending:
      return end_all_waits();
    case Command::Kind::time_passed:
      return time_passed();
    case Command::Kind::heartbeat:
      if (Link* link = sessions_.find(command.link); link != nullptr && link->session != nullptr) {
        link->session->last_heard = now_;
      }
      return;
    case Command::Kind::progress:
      if (Link* link = sessions_.find(command.link); link != nullptr && link->session != nullptr) {
        link->session->note_progress(command.number, now_);
      }
      return;
    case Command::Kind::cancel:
      if (Link* link = sessions_.find(command.link); link != nullptr && link->session != nullptr) {
        Waiter* waiter = waiters_.find(link->session->id, link->id, command.tag);
        if (waiter != nullptr) {
          refuse(*waiter, Errc::cancelled, "the waiting call was cancelled");
        }
      }
      return;
  }
}

namespace {

std::uint64_t wire_id(const Command& command) {
  switch (command.numbering) {
    case Numbering::low_bits:
    case Numbering::whole:
      return command.number;
    case Numbering::notification:
      return kNotification;
    case Numbering::none:
    case Numbering::unusable:
      break;
  }
  return kNoId;
}

}  // namespace

void Machine::call(const Batch& batch, const Command& command, Prefetcher::Prefetched prefetched) {
  Link* link = sessions_.find(command.link);
  if (link == nullptr) return;  // the server has closed the link and ignores its input
  ++calls_;
  spend(kProbeUnits);
  if (link->session == nullptr) {
    return push_failure(link->id, command.tag, session_lost(sessions_.lost(link->lost), Done::no));
  }
  Session& session = *link->session;
  session.last_heard = now_;
  Caller caller{session.id, link->id, command.tag, 0, wire_id(command), command.method};
  if (session.opened && !assign_call_number(session, command, caller)) return;
  if (session.scoped) [[unlikely]] {
    const Role role = session.peer.role;
    if (auto ok = check_scope(*session.scope, role, catalogue_, batch, command); !ok) {
      return conclude(caller, std::move(ok.error()));
    }
  }
  run(batch, command, caller, prefetched);
}

/// Returns the object of the call; null if its method is not on objects.
Expected<Object*> Machine::target(const Batch& batch, const Command& command) {
  const MethodRef& ref = command.method;
  if (!ref.on_object) return nullptr;
  const std::string_view name = text_of(batch.argument(command.first));
  Object* object = registry_.find(name);
  if (object == nullptr) return fail(missing_object(name, *ref.type));
  if (object->type != ref.type) return fail(wrong_type(*object, ref));
  return object;
}

namespace {

/// Runs the handler. If the system refuses the memory for a large value or reply, only this call
/// fails: the reserve of the server (server/net/memory_reserve.hpp) serves small allocations.
inline Outcome run_handler(Call& call, const Method& method, bool at_cap) {
  try {
    return at_cap ? AtomicRun{call}.run_at_cap() : method.handler(call);
  } catch (const std::bad_alloc&) {
    Error error = system_memory_full();
    if (method.access == Access::write) error.done = Done::unknown;
    return fail(std::move(error));
  }
}

}  // namespace

void Machine::run(const Batch& batch, const Command& command, const Caller& caller,
                  Prefetcher::Prefetched prefetched) {
  const bool found = prefetched.object != nullptr && prefetched.object->type == command.method.type;
  Expected<Object*> object = found ? prefetched.object : target(batch, command);
  if (!object) return conclude(caller, std::move(object.error()));
  const bool at_cap = command.method.method->grows && over_cap(batch.size());
  if (at_cap && batch.memory_short) return conclude(caller, out_of_memory());
  if (command.guard != 0) {
    if (auto ok = check_guard(batch.argument(command.guard - 1)); !ok) {
      return conclude(caller, std::move(ok.error()));
    }
  }
  Call call{*this, batch, command, caller, *object, prefetched.value};
  const HandlerResult result{effects_->results};
  Outcome outcome = run_handler(call, *command.method.method, at_cap);
  serve_pending();  // waiters that are served now get their replies before this call does
  if (!outcome) {
    result.drop();
    return conclude(caller, std::move(outcome.error()));
  }
  if (*outcome == Progress::waiting) {
    result.drop();
    return parked(caller, *call.parked());
  }
  if (BlobRef blob = call.take_blob()) {
    result.drop();
    return conclude(caller, Buffer::bytes, effects_->bytes.size(), std::move(blob),
                    std::move(call.context()));
  }
  constexpr std::size_t kLargeBytes = std::size_t{64} << 10;
  if (result.size() > std::min(kLargeBytes, input_.limits.frame_bytes_max)) {
    // The greatest value that a request can carry fits in a reply, with this much around it.
    constexpr std::size_t kEnvelopeBytes = 4096;
    if (result.size() > input_.limits.frame_bytes_max + kEnvelopeBytes) {
      result.drop();
      return conclude(caller, reply_too_large(input_.limits.frame_bytes_max));
    }
    note_large_reply(caller.link, result.size());
  }
  if (result.size() == 0) call.reply().null();
  conclude(caller, Buffer::results, result.begin(), {}, std::move(call.context()));
}

/// Records a call that waits, or refuses it if it closes a cycle of waits.
void Machine::parked(const Caller& caller, Waiter& waiter) {
  if (auto closed = closed_cycle(*this, waiter)) return refuse(waiter, std::move(*closed));
  if (caller.number != 0) {
    sessions_.find(caller.session)->calls->wait(caller.number, waiter);
  }
  push(Effect::Kind::parked, caller.link, caller.tag);
}

/// Checks a guard, [lock, token]: the grant with that token must still stand.
Expected<void> Machine::check_guard(PackedView guard) {
  Reader reader{guard};
  Token token;
  static_cast<void>(reader.next(token));
  const std::string name{read(reader.value()).body};
  static_cast<void>(reader.next(token));
  const auto stale = [&](const std::string& why) -> Failure {
    Error error{Errc::stale_token, "the guard does not hold: " + why, Done::no, {}};
    std::string packed;
    Writer{packed}.text(name);
    error.details.push_back({"object", std::move(packed)});
    return fail(std::move(error));
  };
  Object* object = registry_.find(name);
  if (object == nullptr) return stale("there is no lock " + name);
  Lockable* lock = object->state->as_lock();
  if (lock == nullptr || !lock->gives_tokens()) {
    return fail(Errc::wrong_type, "the guard names " + name + ", which is a " +
                                      std::string{object->type->name} + " and no lock");
  }
  lock->recall(*this, *object);
  for (const Holder& holder : holders_of(*lock)) {
    if (holder.token == token.natural) return {};
  }
  return stale("the grant of " + name + " with token " + std::to_string(token.natural) +
               " no longer stands");
}

void Machine::serve_all() {
  if (in_transaction()) return;
  // Serving one object may change others: they are appended meanwhile.
  for (std::size_t i = 0; i < to_serve_.size(); ++i) {
    Object* object = to_serve_[i];
    if (object == nullptr) continue;  // deleted in between
    object->to_serve = 0;
    object->state->serve(*this, *object);
  }
  to_serve_.clear();
  mapped_view_.refresh();
}

void Machine::time_passed() {
  time_passes_ = true;
  while (Waiter* waiter = waiters_.due(now_)) time_out(*waiter);
  while (Object* object = registry_.due(now_)) remove(*object);
  while (Object* object = registry_.alarmed(now_)) {
    set_alarm(*object, std::nullopt);
    object->state->alarm(*this, *object);
    serve_soon(*object);
  }
  serve_pending();
  time_passes_ = false;
  while (Session* session = sessions_.expired(now_)) end_session(session->id);
  sessions_.forget_lost(now_);
  notifications_.expire_history();
}

std::optional<Instant> Machine::next_deadline() const {
  // While content is to be freed or cycles are to be collected, the next slice is due at once.
  if (registry_.pending_reclaim() || has_unneeded()) return now_;
  std::optional<Instant> next;
  for (const auto& due : {waiters_.next_deadline(), registry_.next_expiry(), registry_.next_alarm(),
                          sessions_.next_deadline(), notifications_.next_expiry()}) {
    if (due && (!next || *due < *next)) next = due;
  }
  return next;
}

}  // namespace agora
