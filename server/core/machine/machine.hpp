// The machine: all of agora's behaviour as one value. Commands go in, effects come out.
//
// It never asks for the time, a socket, a thread or a random number: time, link ids and the hash
// key come in with the input, so the same commands give the same effects, always. One thread. The
// parts it is made of are open to the handlers (through Call) and to nobody else.
//
// Rooms: machine.cpp applies commands, answers.cpp says what callers get, waiting.cpp lets them
// wait, notices.cpp says what nobody asked for now, lifetimes.cpp makes and ends objects,
// session_life.cpp opens, resumes and ends sessions, atomic_run.cpp runs transactions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
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

/// What a machine is told at its start, from outside.
struct MachineInput {
  HashKey hash_key{};             ///< secret, so that nobody can choose colliding keys
  std::uint64_t token_floor = 0;  ///< fencing tokens begin above it
  Limits limits{};
  std::string version = "0";      ///< for server.info
  std::string incarnation = "0";  ///< names this run of the server
  std::int64_t pid = 0;
  Instant started{};
  /// Where words that programs share come from, and which extents they can map; null: none can,
  /// and words lie in the heap. Both must outlive the machine.
  ExtentSource* words = nullptr;
  const Sharing* sharing = nullptr;
};

class Machine {
 public:
  /// `extents` gives all storage and must outlive the machine, as must the types' tables.
  Machine(std::vector<const ObjectType*> types, ExtentSource& extents, MachineInput input);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  /// Applies all commands of the batch in order and appends their effects.
  void apply(const Batch& batch, Effects& effects);

  /// When `time_passed` has something to do; nothing while nothing is due ever.
  std::optional<Instant> next_deadline() const;

  const Catalogue& catalogue() const { return catalogue_; }
  const Limits& limits() const { return input_.limits; }

  // What handlers work with.
  Instant now() const { return now_; }
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

  /// A new number, greater than all before: ids of objects, names of anonymous ones.
  std::uint64_t next_number() { return ++last_number_; }
  /// The token after which a new lock's tokens begin.
  std::uint64_t token_floor() const { return token_floor_; }
  /// What a lock's word says of the last token, if it can have been given by now, as fast as memory
  /// is; else, as a faulty or hostile program has written it there, the greatest that can.
  std::uint64_t clamp_token(std::uint64_t token) const;

  // Objects.

  /// Creates an object and enters it under `name`, or under a new anonymous name if empty. Nobody
  /// holds it yet.
  Expected<Object*> create(const ObjectType& type, std::string_view name, PackedView arguments,
                           PackedView options, SessionId session);
  /// Deletes it: its waiters get NotFound, its grants and holds are gone.
  void remove(Object& object);
  /// The object changed by that method (and at that key): its version grows, watchers hear of it,
  /// and it will be served.
  void changed(Object& object, const MethodRef& method, PackedView key = {});
  /// The object will be served before the next command, though it did not change.
  void serve_soon(Object& object);
  /// Has State::alarm called at that time, or never; an object has one alarm.
  void set_alarm(Object& object, std::optional<Instant> when);
  /// Content that nobody sees any more (a cleared container's), to be given back in slices.
  void give_back_later(std::unique_ptr<State> content);

  // Values and references.

  /// NotFound if the value refers to an object that does not exist.
  Expected<void> check_references(PackedView value);
  /// Adds one reference for each that `value` contains. NotFound (nothing changed) if one of them
  /// is missing.
  Expected<void> retain(PackedView value);
  /// Takes them back; anonymous objects that nobody needs any more are deleted.
  void release(PackedView value);
  /// Adds or takes back holds of a session on an anonymous object (or any other: no effect on its
  /// life). Gives back at most what the session holds.
  void hold(Object& object, SessionId session, std::uint64_t n);
  void unhold(Object& object, SessionId session, std::uint64_t n);
  /// Copies a value into the arena and retains what it refers to.
  /// @error not_found, out_of_memory  nothing changed.
  Expected<Handle> store(PackedView value);
  /// The reverse: frees the value and releases what it refers to. Within a transaction the value
  /// stays until that is over.
  void drop(Handle value);
  /// TooLarge if a reply of so many elements and bytes is over the limits; `instead` says what to
  /// use.
  Expected<void> check_work(std::size_t elements, std::size_t bytes,
                            std::string_view instead) const;

  // Transactions.

  bool in_transaction() const { return transaction_ != nullptr; }
  /// Notes how to take back what was just done. Does nothing outside a transaction.
  template <typename Step>
  void undo(Step&& step) {
    if (transaction_ != nullptr) transaction_->steps.emplace_back(std::forward<Step>(step));
  }
  /// Does `step` once what is being done is known to stand: at once outside a transaction.
  template <typename Step>
  void on_commit(Step&& step) {
    if (transaction_ == nullptr) return step();
    transaction_->afterwards.emplace_back(std::forward<Step>(step));
  }
  /// Does `step` once the transaction that runs is over, be it that it stands or not, and nothing
  /// of it will change any more.
  template <typename Step>
  void on_finish(Step&& step) {
    transaction_->at_the_end.emplace_back(std::forward<Step>(step));
  }
  /// Runs calls as one step; see transaction.run.
  Outcome run_atomically(Call& outer, PackedView calls, PackedView require);

  // Answers to parked calls; each takes the waiter out.

  /// The front of the line, to be served now; none: nobody is left there. Those before it whose
  /// guard no longer stands are refused (StaleToken), so State::waiter_left must leave the line
  /// where it is. All serving goes through this, or through may_serve.
  Waiter* next_in(WaitQueue& queue) {
    Waiter* front = queue.front();
    return front == nullptr || front->guard == nullptr ? front : next_guarded(queue);
  }
  /// Said once the front of a line was served: what serving the one behind it will need is fetched
  /// meanwhile. It is long since it came, so all of it is far away by now.
  static void prefetch_next_waiter(const WaitQueue& queue);
  /// Whether that waiter, out of its turn, may be served; if not, it has been refused.
  bool may_serve(Waiter& waiter);

  /// `write(Writer&)` appends the result.
  template <typename Write>
  void reply(Waiter& waiter, Write&& write) {
    const std::unique_ptr<Waiter> owned = waiters_.remove(waiter);
    const std::size_t begin = effects_->bytes.size();
    Writer out{effects_->bytes};
    write(out);
    conclude(*owned, Buffer::bytes, begin, {}, std::move(owned->context));
  }
  void reply_null(Waiter& waiter);
  /// Answers it with a stored value, without a copy if the value is large.
  void reply_stored(Waiter& waiter, Handle value);
  /// Answers it with an error; the effect did not happen. Its object hears that it left.
  void refuse(Waiter& waiter, Errc code, std::string message);
  void refuse(Waiter& waiter, Error error);
  /// Answers it as if its time were up.
  void time_out(Waiter& waiter);
  /// Enters in `context` that the reply to the call will deliver something of the object, which
  /// State::session_ended takes back unless the reply is acknowledged (State::acknowledged).
  /// @return false if the call has no number or its reply is not kept: then the delivery is lost
  ///         with the reply (at most once).
  bool track_delivery(const Caller& caller, const Object& object,
                      std::unique_ptr<ReplyContext>& context);
  /// The same for a waiter that is about to get its reply.
  bool track_delivery(Waiter& waiter) {
    return track_delivery(waiter, *waiter.object, waiter.context);
  }

  /// What a call of that method gives when its time is up after `seconds`.
  Outcome timed_out(const MethodRef& method, std::string_view object, double seconds,
                    std::string& result) const;

  // Sessions.

  /// Ends a session in one step: waiters first, then grants, ephemeral objects, holds.
  /// @param gone  nothing of it can touch shared words any more: it said so, or is dead
  void end_session(SessionId session, bool gone = false);
  /// Lets an opened session go on over that link, whose own plain session ends.
  void resume_session(Session& session, Link& link);
  /// Forgets the replies that the session has.
  void acknowledge(Session& session, std::uint64_t through, PackedView numbers);

  /// Where the call that is being applied writes its result: at the end.
  std::string& reply_bytes() { return effects_->results; }
  /// The effects of the batch that is being applied.
  Effects& effects() { return *effects_; }
  /// Pushes an effect that concerns a link as a whole.
  Effect& push(Effect::Kind kind, LinkId link, std::uint64_t tag);

 private:
  friend class AtomicRun;

  void apply(const Batch& batch, const Command& command, Prefetcher::Prefetched prefetched);
  void call(const Batch& batch, const Command& command, Prefetcher::Prefetched prefetched);
  void link_closed(LinkId link);
  void end_waits(SessionId session);
  void cut_off(Session& session);
  void time_passed();
  void run(const Batch& batch, const Command& command, const Caller& caller,
           Prefetcher::Prefetched prefetched);
  void parked(const Caller& caller, Waiter& waiter);
  Expected<Object*> target(const Batch& batch, const Command& command);
  Expected<void> check_guard(PackedView guard);
  void settle() {
    if (!to_serve_.empty() || mapped_view_.has_work()) serve_all();
  }
  void serve_all();

  bool enter(Session& session, const Command& command, Caller& caller);
  bool again(Session& session, Caller& caller);
  bool refuse_backlog(Session& session, const Caller& caller);
  void conclude(const Caller& caller, Buffer buffer, std::size_t begin, BlobRef blob,
                std::unique_ptr<ReplyContext>&& context);
  [[gnu::cold]] void conclude(const Caller& caller, Error error);
  void keep_value(Session& session, const Caller& caller, PackedView value, const BlobRef& blob,
                  std::unique_ptr<ReplyContext>&& context);
  void free_undelivered(PackedView value);
  void forget_read(Session& session, CallRecord& record);
  bool speaks_to(const Caller& caller) const;

  std::string cause(const MethodRef& method) const;

  Waiter* next_guarded(WaitQueue& queue);
  void leave(Waiter& waiter);
  [[gnu::cold]] void push_failure(LinkId link, std::uint64_t tag, Error error);
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
  std::uint64_t last_number_ = 0;
  std::uint64_t token_floor_ = 0;
  std::uint64_t calls_ = 0;
  std::vector<Object*> to_serve_;   // in the order of their changes
  std::vector<ObjectId> unneeded_;  // to be freed, unless the reply gives a hold on them
  Collector collector_{*this};
  Notifications notifications_{*this};
  std::unique_ptr<Transaction> transaction_;
  bool time_passes_ = false;  // what changes now does so because of the time
  Effects* effects_ = nullptr;
};

}  // namespace agora
