// SPDX-License-Identifier: MIT

// The machine: the server's whole behaviour as a deterministic state machine. Commands go in,
// effects come out.
//
// It never reads a clock, a socket or a random number, and starts no thread: time, link ids and the
// hash key come in with the input. So the same commands always give the same effects. It runs on
// one thread. Only handlers use its parts (through Call).
//
// machine.cpp applies commands, machine_replies.cpp makes replies and keeps them for resends,
// machine_waits.cpp serves and refuses waiters, machine_objects.cpp creates and deletes objects,
// machine_sessions.cpp resumes and ends sessions, atomic_run.cpp runs transactions.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/core/machine/collector.hpp"
#include "server/core/machine/mapped_view.hpp"
#include "server/core/machine/notifications.hpp"
#include "server/core/machine/prefetcher.hpp"
#include "server/core/methods/command.hpp"
#include "server/core/state/catalogue.hpp"
#include "server/core/state/effect.hpp"
#include "server/core/state/lockable.hpp"
#include "server/core/state/registry.hpp"
#include "server/core/state/sessions.hpp"
#include "server/core/state/transaction.hpp"
#include "server/core/state/waiters.hpp"
#include "server/storage/arena.hpp"
#include "server/storage/sharing.hpp"
#include "server/storage/table.hpp"
#include "server/storage/values.hpp"
#include "shared/base/extent_source.hpp"
#include "shared/base/limits.hpp"

namespace agora {

/// The configuration of a machine.
struct MachineInput {
  HashKey hash_key{};             ///< secret, so that no client can choose colliding keys
  std::uint64_t token_floor = 0;  ///< all fencing tokens are greater
  Limits limits{};
  std::string version = "0";      ///< for server.info
  std::string incarnation = "0";  ///< the name of this run of the server
  /// The end of each session's id on the wire. It differs between incarnations, so that none takes
  /// an id of another one for its own.
  std::string session_suffix{};
  std::int64_t pid = 0;
  Instant started{};
  /// `words` is the source of the words that clients may write, `sharing` has the extents that they
  /// can map. If null, words lie in the heap and clients map nothing. Both must outlive the
  /// machine.
  ExtentSource* words = nullptr;
  const Sharing* sharing = nullptr;
};

class Machine {
 public:
  /// @param extents  the source of all storage; it must outlive the machine, as must the types'
  ///                 tables
  Machine(std::vector<const ObjectType*> types, ExtentSource& extents, MachineInput input);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  /// Applies all commands of the batch in order and appends their effects.
  void apply(const Batch& batch, Effects& effects);
  /// Applies commands from `next` on, until their replies and notices fill much memory, and
  /// advances `next` behind the last one. The caller delivers and clears the effects, and calls
  /// this again until it returns false, when all commands are applied.
  bool apply_some(const Batch& batch, std::size_t& next, Effects& effects);

  /// Returns when the command `time_passed` is next due; nullopt if nothing has a deadline.
  std::optional<Instant> next_deadline() const;

  const Catalogue& catalogue() const { return catalogue_; }
  const Limits& limits() const { return input_.limits; }

  // The parts, for handlers.

  /// Returns the time of the batch that is being applied.
  Instant now() const { return now_; }
  /// Returns a time as clients see it: in seconds since 1970 by the present wall clock.
  double wall_seconds(Instant when) const { return seconds_of(when + wall_ahead_); }
  const MachineInput& input() const { return input_; }
  Registry& registry() { return registry_; }
  Sessions& sessions() { return sessions_; }
  Waiters& waiters() { return waiters_; }
  Arena& arena() { return arena_; }
  Values& values() { return values_; }
  Notifications& notifications() { return notifications_; }
  MappedView& mapped_view() { return mapped_view_; }
  Lending& lending() { return mapped_view_.lending(); }
  const Lending& lending() const { return mapped_view_.lending(); }
  std::uint64_t calls() const { return calls_; }
  std::size_t memory_used() const;
  /// Returns the bytes of stored content and of so many objects: the part of memory_used() that a
  /// change can undo.
  std::size_t content_bytes(std::size_t objects) const;
  /// Counts `bytes` more of the heap towards memory_used(); fewer if it is negative.
  void count_heap(std::ptrdiff_t bytes) { heap_bytes_ += static_cast<std::size_t>(bytes); }
  /// Returns the memory that the storage has taken from the system: extents in use and made ahead.
  std::size_t bytes_reserved() const;
  /// Returns the memory that the machine has taken from the system in all. It exceeds memory_used()
  /// while extents hold free memory.
  std::size_t bytes_taken() const;
  /// Notes how much memory is in use now. Returns true if so much was freed that
  /// give_back_memory() should be called in a second. O(1); called once a turn.
  bool note_memory();
  /// Gives free memory back to the system, unless its use still falls. @return whether it did
  bool give_back_memory();

  /// Returns a number greater than all before, for the id of an object or an anonymous name.
  std::uint64_t next_number() { return ++last_number_; }
  /// Returns the number above which the tokens of a new lock begin.
  std::uint64_t token_floor() const { return token_floor_; }
  /// Returns a token that was read from a lock word, clamped to the greatest one that is possible
  /// by now at the fastest rate of grants. A faulty or hostile client can write any number there.
  std::uint64_t clamp_token(std::uint64_t token) const;

  // Objects.

  /// Creates an object under `name`, or under a new anonymous name if that is empty. No session
  /// holds it yet.
  Expected<Object*> create(const ObjectType& type, std::string_view name, PackedView arguments,
                           PackedView options, SessionId session);
  /// Deletes the object: its waiters get NotFound, its grants and holds end.
  void remove(Object& object);
  /// Notes that the method changed the object, at `key` if that is given: increments its version,
  /// notifies watching sessions, and calls serve_soon.
  void changed(Object& object, const MethodRef& method, PackedView key = {});
  /// Notes the same of a change that no call made; notices give `cause` as its method.
  void changed_by(Object& object, std::string_view cause, PackedView key);
  /// Has State::serve called before the next command, if the object has waiters. `changed` does so
  /// too; this does not increment the version.
  void serve_soon(Object& object);
  /// Sets the time at which State::alarm is called, or clears it; an object has one alarm.
  void set_alarm(Object& object, std::optional<Instant> when);
  /// Takes over content that is no longer reachable (a cleared container's) and frees it in slices.
  void reclaim_later(std::unique_ptr<State> content);

  // Values and references.

  /// Checks that all objects to which the value refers exist.
  /// @error not_found  one of them does not.
  Expected<void> check_references(PackedView value);
  /// Increments the reference count of each object once for each reference in `value`.
  /// @error not_found  one of them does not exist; nothing changed.
  Expected<void> retain(PackedView value);
  /// Decrements the reference counts likewise; deletes anonymous objects that are not needed any
  /// more.
  void release(PackedView value);
  /// Adds `n` holds of a session on an object. A hold keeps an anonymous object alive; it has no
  /// effect on a named one.
  void hold(Object& object, SessionId session, std::uint64_t n);
  /// Removes `n` holds, or all that the session has if they are fewer.
  void unhold(Object& object, SessionId session, std::uint64_t n);
  /// Copies a value into the arena and retains the objects to which it refers.
  /// @error not_found, out_of_memory  nothing changed.
  Expected<Handle> store(PackedView value);
  /// Frees a stored value and releases the objects to which it refers. Within a transaction the
  /// value stays until the transaction has ended.
  void drop(Handle value);
  /// Checks that a reply of that many elements and bytes is within the limits, and counts the work.
  /// @param instead  the methods to use instead, for the message
  /// @error too_large  over the limits of a call, or over the budget of the transaction that runs.
  Expected<void> check_work(std::size_t elements, std::size_t bytes, std::string_view instead);

  // Work. It is counted in units, so that the same commands always cost the same: a step over one
  // element is 1, a probe that probably misses the CPU's caches is kProbeUnits, and so is a call.

  static constexpr std::size_t kProbeUnits = 16;
  static constexpr std::size_t kLongSearchUnits = 10'000;
  /// Counts work that is done or is about to be done.
  void spend(std::size_t units) { work_ += units; }
  /// Returns the units of all work so far.
  std::uint64_t work() const { return work_; }
  /// Checks and counts the work of looking up so many keys. They follow each other, so that the
  /// CPU waits for several of them at a time.
  /// @error too_large  the budget of the transaction that runs is spent.
  Expected<void> check_probes(std::size_t keys);
  /// Notes the units of work of a search for deadlocks: the next ones may cost as much. The number
  /// falls slowly, with each batch.
  void note_search(std::size_t units) { last_search_work_ = std::max(last_search_work_, units); }
  std::size_t last_search_work() const { return last_search_work_; }
  /// Returns true if searches for deadlocks are so long that the engine should space them out.
  bool searches_long() const { return last_search_work_ > kLongSearchUnits; }
  /// Checks that `units` more are within the budget of the transaction that runs; a call outside of
  /// one has none here.
  /// @error too_large  they are not.
  Expected<void> check_transaction_work(std::size_t units) const;

  // Transactions.

  bool in_transaction() const { return transaction_ != nullptr; }
  /// Adds a step to the undo log: it reverts the change just made. Does nothing outside a
  /// transaction.
  template <typename Step>
  void undo(Step&& step) {
    if (transaction_ != nullptr) transaction_->undo_steps.emplace_back(std::forward<Step>(step));
  }
  /// Called before a method changes an object, within a transaction: has the object's State
  /// restored if the transaction is rolled back. Does nothing outside a transaction. Methods on one
  /// object need not call it.
  void before_change(Object& object);
  /// Runs `step` when the transaction commits, or at once outside a transaction.
  template <typename Step>
  void on_commit(Step&& step) {
    if (transaction_ == nullptr) return step();
    transaction_->on_commit.emplace_back(std::forward<Step>(step));
  }
  /// Runs `step` last of all, after the commit or the rollback. For use in a transaction only.
  template <typename Step>
  void on_finish(Step&& step) {
    transaction_->on_finish.emplace_back(std::forward<Step>(step));
  }
  /// Counts bytes of the arena that the transaction keeps for its rollback, and that its commit
  /// frees. For use in a transaction only.
  void freed_by_commit(std::size_t bytes) { transaction_->detached_bytes += bytes; }
  /// Returns whether another `bytes` of a request exceed the memory cap.
  bool over_cap(std::size_t bytes) const {
    return memory_cap_ != 0 && memory_used() + bytes > memory_cap_;
  }
  /// Returns whether so much more is in use than the cap allows that calls are refused which go
  /// through at the cap.
  bool far_over_cap() const {
    return memory_cap_ != 0 && memory_used() > memory_cap_ + memory_cap_ / 8;
  }
  /// Returns whether a call may not wait, because the memory cap is reached. A few calls of each
  /// session may, so that other clients can go on.
  /// @param waits  the places in which the session's calls would wait, this call's included
  /// @param bytes  of this call's parameters
  bool refuses_wait(std::size_t waits, std::size_t bytes) const {
    constexpr std::size_t kWaitsMin = 16;
    constexpr std::size_t kBytesMin = 2048;
    if (!over_cap(bytes)) return false;
    return waits > kWaitsMin || bytes > kBytesMin || far_over_cap();
  }
  /// Returns the error of a call that may not store more: at the cap, or short of memory.
  Error out_of_memory() const;
  /// Runs calls as one transaction; see transaction.run.
  Outcome run_atomically(Call& outer, PackedView calls, PackedView require);

  // Waiters. Each reply to a parked call removes its waiter.

  /// Returns the front of the queue, to be served now; null if the queue is empty. If the front
  /// only keeps a place, that is the waiter of the call (Waiter::of_call). Waiters before it whose
  /// guard is stale are refused (StaleToken), so State::waiter_left must not change the queue. All
  /// serving goes through this function or may_serve.
  Waiter* next_in(WaitQueue& queue) {
    Waiter* front = queue.front();
    return front == nullptr || front->rare == nullptr ? front : next_rare(queue);
  }
  /// Prefetches the memory that serving the queue's front will need. Called after its predecessor
  /// was served: a waiter that has waited for long is no longer in the cache.
  static void prefetch_next_waiter(const WaitQueue& queue);
  /// Tells whether the waiter, which need not be the front, may be served. Refuses it (StaleToken)
  /// if its guard is stale.
  bool may_serve(Waiter& waiter);
  /// Refuses the waiter, as `refuse` does, because its object will never serve it. But a call that
  /// waits at several objects only gives up its place at this one, unless it is the last.
  void refuse_place(Waiter& waiter, Errc code, std::string message);

  /// Replies with the result that `write(Writer&)` appends.
  template <typename Write>
  void reply(Waiter& waiter, Write&& write) {
    spend(kProbeUnits);
    const std::unique_ptr<Waiter> owned = waiters_.remove(waiter);
    const std::size_t begin = effects_->bytes.size();
    Writer out{effects_->bytes};
    write(out);
    conclude(*owned, Buffer::bytes, begin, {}, std::move(owned->context));
  }
  void reply_null(Waiter& waiter);
  /// Replies with a stored value, without a copy if the value is large.
  void reply_stored(Waiter& waiter, Handle value);
  /// Replies with a value that several waiters in a row may get: they share one copy.
  /// @param blob  the value itself, if it is large
  void reply_value(Waiter& waiter, const std::optional<BlobRef>& blob, PackedView value);
  /// Replies with an error: the call has had no effect. Calls State::waiter_left.
  void refuse(Waiter& waiter, Errc code, std::string message);
  void refuse(Waiter& waiter, Error error);
  /// Replies as if the waiter's deadline were over.
  void time_out(Waiter& waiter);
  /// Notes in `context` that the reply to the call delivers an item of the object. When the client
  /// acknowledges the reply, State::acknowledged is called. If the session ends before that,
  /// State::session_ended takes the item back.
  /// @return false if the call has no number or its reply is not kept: if that reply is lost, so is
  ///         the item (at-most-once delivery).
  bool track_delivery(const Caller& caller, const Object& object,
                      std::unique_ptr<ReplyContext>& context);
  /// Does the same for a waiter that is about to get its reply.
  bool track_delivery(Waiter& waiter, const Object& object) {
    return track_delivery(waiter, object, waiter.context);
  }

  /// Returns the outcome of a call that timed out after `seconds`. If that is a value and not an
  /// error, appends the value to `result`.
  /// @param objects  the names of the objects at which it waited, at least one
  Outcome timed_out(const MethodRef& method, std::span<const std::string_view> objects,
                    double seconds, std::string& result) const;

  // Sessions.

  /// Ends a session in one step: its waiters first, then grants, ephemeral objects and holds.
  /// @param gone  its process can no longer write to shared words: it closed the session or is dead
  void end_session(SessionId session, bool gone = false);
  /// Gives the connection the identity and the rights of a client that has logged in there.
  void log_in(Link& link, const IdentityPointer& identity);
  /// Notes the anonymous objects in a reply or notice to the session: it may use them from now on.
  void give_names(Session& session, PackedView value);
  /// Moves an opened session to that link, whose own plain session ends.
  void resume_session(Session& session, Link& link);
  /// Drops the kept replies to the calls up to `through` and to those in the list `numbers`.
  void acknowledge(Session& session, std::uint64_t through, PackedView numbers);
  /// Drops the kept reply to that call, and gives back the items that it delivered.
  /// @return false if there is none, or if it delivered no item
  bool decline(Session& session, std::uint64_t number);

  /// Returns the buffer to which the handler that runs appends its result.
  std::string& reply_bytes() { return effects_->results; }
  /// Returns the effects of the batch that is being applied.
  Effects& effects() { return *effects_; }
  /// Appends an effect and returns it.
  Effect& push(Effect::Kind kind, LinkId link, std::uint64_t tag);

 private:
  friend class AtomicRun;

  void apply(const Batch& batch, std::size_t index, Prefetcher::Prefetched prefetched);
  bool is_to_postpone(LinkId link) const;
  void note_large_reply(LinkId link, std::size_t bytes);
  void call(const Batch& batch, const Command& command, Prefetcher::Prefetched prefetched);
  void open_link(LinkId link, const Peer& peer);
  void link_closed(LinkId link);
  void end_waits(SessionId session);
  void end_all_waits();
  void disconnect(Session& session);
  void time_passed();
  void run(const Batch& batch, const Command& command, const Caller& caller,
           Prefetcher::Prefetched prefetched);
  void set_memory_peak(std::size_t used);
  bool has_unneeded() const {
    return !unneeded_.empty() || !left_holds_.empty() || collector_.has_work();
  }
  void parked(const Caller& caller, Waiter& waiter);
  Expected<Object*> target(const Batch& batch, const Command& command);
  Expected<void> check_guard(PackedView guard);
  void serve_pending() {
    if (!to_serve_.empty() || mapped_view_.has_work()) serve_all();
  }
  void serve_all();

  void set_rights(Session& session, const Peer& peer);
  bool assign_call_number(Session& session, const Command& command, Caller& caller);
  bool replay_call(Session& session, Caller& caller);
  bool refuse_backlog(Session& session, const Caller& caller);
  void conclude(const Caller& caller, Buffer buffer, std::size_t begin, BlobRef blob,
                std::unique_ptr<ReplyContext>&& context);
  [[gnu::cold]] void conclude(const Caller& caller, Error error);
  void keep_value(Session& session, const Caller& caller, PackedView value, const BlobRef& blob,
                  std::unique_ptr<ReplyContext>&& context);
  void free_undelivered(PackedView value);
  void forget_read(Session& session, CallRecord& record);

  std::string cause(const MethodRef& method) const;

  Waiter* next_rare(WaitQueue& queue);
  void waiter_left(Waiter& waiter);
  [[gnu::cold]] void push_failure(LinkId link, std::uint64_t tag, Error error);
  Expected<std::unique_ptr<State>> make_state(Creation& creation);
  void raise_version_floor(const Object& object);
  void destroy(Object& object);
  void maybe_free(Object& object);
  void free_unneeded();
  void commit();

  Catalogue catalogue_;
  MachineInput input_;
  Arena arena_;
  Values values_;
  MappedView mapped_view_{*this, input_.words};
  Registry registry_;
  Prefetcher prefetcher_{registry_};
  Sessions sessions_;
  Waiters waiters_{sessions_};
  Instant now_{};
  Duration wall_ahead_{};  // of the batch that is being applied
  std::uint64_t last_number_ = 0;
  std::uint64_t token_floor_ = 0;
  std::uint64_t version_floor_ = 0;  // no object that has ended had a greater version
  std::uint64_t calls_ = 0;
  std::uint64_t work_ = 0;
  std::size_t last_search_work_ = 0;
  std::uint64_t work_end_ = ~std::uint64_t{0};  // the value of work_ at which a transaction fails
  std::size_t heap_bytes_ = 0;                  // of content that is not in the arena
  std::size_t memory_cap_ = 0;  // for the batch that is being applied; 0: none, 1: out of memory
  // While memory_used() is within these, note_memory() has nothing to do.
  std::size_t memory_low_ = 0;
  std::size_t memory_high_ = 0;
  std::size_t memory_lately_ = 0;  // 1 + the use at the last look at a fall; 0: it has not fallen
  std::vector<Object*> to_serve_;  // objects with waiters, in the order of their changes
  std::deque<ObjectId> unneeded_;  // to be deleted, unless the reply gives a hold on one
  std::deque<std::map<ObjectId, std::uint64_t>> left_holds_;  // of ended sessions; none is empty
  Collector collector_{*this};
  Notifications notifications_{*this};
  std::unique_ptr<Transaction> transaction_;
  // Links that got large replies in this batch, and the bytes of these.
  std::vector<std::pair<LinkId, std::size_t>> large_replies_;
  bool time_passes_ = false;  // time_passed() runs: a deadline is the cause of each change
  Effects* effects_ = nullptr;
};

}  // namespace agora
