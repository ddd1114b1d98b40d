// The machine: all of agora's behaviour as one value. Commands go in, effects come out.
//
// It never asks for the time, a socket, a thread or a random number: time, session ids and the
// hash key come in with the input, so the same commands give the same effects, always.
// One thread. The parts it is made of are open to the handlers (through Call) and to nobody else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/core/arena.hpp"
#include "server/core/catalogue.hpp"
#include "server/core/command.hpp"
#include "server/core/effect.hpp"
#include "server/core/object.hpp"
#include "server/core/registry.hpp"
#include "server/core/sessions.hpp"
#include "server/core/table.hpp"
#include "server/core/values.hpp"
#include "server/core/waiters.hpp"
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
  std::uint64_t calls() const { return calls_; }
  std::size_t memory_used() const;

  /// A new number, greater than all before: ids of objects, names of anonymous ones.
  std::uint64_t next_number() { return ++last_number_; }
  /// The token after which a new lock's tokens begin.
  std::uint64_t token_floor() const { return token_floor_; }

  /// Creates an object and enters it under `name`, or under a new anonymous name if empty.
  Expected<Object*> create(const ObjectType& type, std::string_view name, PackedView arguments,
                           PackedView options, SessionId session);
  /// Deletes it: its waiters get NotFound, its grants and holds are gone.
  void remove(Object& object);

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
  /// The reverse: frees the value and releases what it refers to.
  void drop(Handle value);
  /// TooLarge if a reply of so many elements and bytes is over the limits; `instead` says what to
  /// use.
  Expected<void> check_work(std::size_t elements, std::size_t bytes,
                            std::string_view instead) const;

  /// Answers a parked call; `write` appends the result.
  void answer(Waiter& waiter, const std::function<void(Writer&)>& write);
  void answer_null(Waiter& waiter);
  /// Answers it with a stored value, without a copy if the value is large.
  void answer_stored(Waiter& waiter, Handle value);
  /// Answers it with an error; the effect did not happen.
  void refuse(Waiter& waiter, Errc code, std::string message);
  /// Answers it as if its time were up.
  void time_out(Waiter& waiter);

  /// What a call of that method gives when its time is up after `seconds`.
  Outcome timed_out(const MethodRef& method, std::string_view object, double seconds,
                    std::string& result) const;

  /// Ends a session in one step: waiters first, then grants, ephemeral objects, holds.
  void end_session(SessionId session);

  /// Where the call that is being applied writes its result.
  std::string& reply_bytes() { return reply_bytes_; }
  /// Asks the world outside to stop the server.
  void ask_shutdown();

 private:
  void apply(const Batch& batch, const Command& command);
  void call(const Batch& batch, const Command& command);
  void time_passed();
  void reply(const Command& command, class Call& call);
  Effect& push(Effect::Kind kind, SessionId session, std::uint64_t tag);
  /// Takes the waiter out of everything and gives its object a chance to serve who stood behind.
  std::unique_ptr<Waiter> take_out(Waiter& waiter);
  void leave(Waiter& waiter);
  void push_failure(SessionId session, std::uint64_t tag, Error error);
  void maybe_free(Object& object);

  Catalogue catalogue_;
  MachineInput input_;
  Arena arena_;
  Values values_;
  Registry registry_;
  Sessions sessions_;
  Waiters waiters_;
  Instant now_{};
  std::uint64_t last_number_ = 0;
  std::uint64_t token_floor_ = 0;
  std::uint64_t calls_ = 0;
  std::string reply_bytes_;
  Effects* effects_ = nullptr;
};

}  // namespace agora
