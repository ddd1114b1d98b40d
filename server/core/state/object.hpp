// SPDX-License-Identifier: MIT

// Object: a name, a type, a version, the rules of its lifetime, and its State.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/core/methods/method.hpp"
#include "server/core/state/change_feed.hpp"
#include "server/core/state/waiters.hpp"
#include "server/storage/arena.hpp"
#include "server/storage/words.hpp"
#include "shared/base/ids.hpp"
#include "shared/base/time.hpp"
#include "shared/shm/cell.hpp"
#include "shared/value/msgpack_writer.hpp"
#include "shared/value/packed.hpp"

namespace agora {

class Lockable;
class Machine;
struct Object;
struct ObjectType;

/// The place of an object's words in shared memory, for session.locate.
struct Located {
  WordPlace first = 0;
  std::size_t count = 0;  ///< elements
  std::size_t element_bytes = 8;
  char typecode = '*';           ///< of value and array; '*' otherwise
  bool wraps = false;            ///< sums wrap around
  std::uint64_t token_base = 0;  ///< of a lock: token = base + the count in its word
};

/// The content of an object; one class for each type, in server/objects.
///
/// A State never outlives its Machine. Its destructor may run long after the object was deleted:
/// the content is first freed in slices (release_some).
class State {
 public:
  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  virtual ~State() = default;

  /// Appends one value from which the type's `load` makes an equal State. Waiters and grants are
  /// not content: they belong to sessions.
  virtual void save(Writer& out) const = 0;

  /// Appends the whole content as one plain value.
  /// @error too_large  over the limits of one reply.
  virtual Outcome plain(Call& call, Writer& out) const = 0;

  /// Returns the number of elements, for object.info; 1 for a type that has no length.
  virtual std::size_t size() const { return 1; }
  /// Returns the number that clients see in the object's cell: its size, or the flag of a type
  /// that has one (an event).
  virtual std::uint64_t size_or_flag() const { return size(); }
  /// Returns the bytes of content, for object.info.
  virtual std::size_t bytes() const { return 0; }

  /// Frees up to `elements` of the content of a deleted object, references included.
  /// @return true when nothing is left.
  virtual bool release_some(Machine&, std::size_t /*elements*/) { return true; }

  /// Serves waiters from the content until no waiter can be served: the one place where waiting
  /// calls get their results. (Other functions may refuse a waiter or let it time out.) Called, if
  /// there are waiters, after each change of this object, after a waiter has left and when an alarm
  /// is due. Within a transaction it is called only after the commit.
  virtual void serve(Machine&, Object&) {}

  /// Frees the grants of a session that has ended; all its waiters are already gone. `serve`
  /// follows and grants to the next waiter.
  virtual void session_ended(Machine&, Object&, SessionId) {}

  /// Called when the waiter left (time-out, cancel, end of session, deadlock) without having been
  /// served; it is already out of its queue. `serve` follows.
  virtual void waiter_left(Machine&, Object&, Waiter&) {}

  /// Called when the object is deleted for good; its waiters get NotFound.
  virtual void deleted(Machine&, Object&) {}

  /// Called when the deadline of a waiter has passed; the waiter is still in its queue.
  /// @return true if the waiter was moved to a queue where it has no deadline, or got its reply;
  ///         false if it is to get the reply that its method's row states for a time-out.
  virtual bool waiter_timed_out(Machine&, Object&, Waiter&) { return false; }

  /// Called when the object's alarm is due (Machine::set_alarm). `serve` follows.
  virtual void alarm(Machine&, Object&) {}

  /// Called when a delivery counted by Call::track_delivery is confirmed: the client has
  /// acknowledged the reply to the session's call with that number.
  virtual void acknowledged(Machine&, Object&, SessionId, std::uint64_t /*number*/) {}

  /// Called when the client has declined that reply: the items that it delivered go back to their
  /// places, and the delivery does not count. `serve` follows.
  virtual void declined(Machine&, Object&, SessionId, std::uint64_t /*number*/) {}

  /// Returns a function that restores the present content; called within a transaction before a
  /// changing method runs here. Returns an empty function if the type's handlers undo their steps
  /// one by one (Machine::undo), as types with much content do.
  virtual std::function<void()> restorer(Machine&) { return {}; }

  /// Calls `visit(name)` for each reference in the content, once for each occurrence: the edges
  /// that the collector of cycles follows. Items in flight count as content.
  virtual void each_reference(const std::function<void(std::string_view)>&) const {}

  /// Prefetches the memory that a method with that first argument will read first. Returns a value
  /// that the machine passes to prefetch_further and to the handler (Call::prefetched); 0 if there
  /// is none. Other calls may come in between and change anything.
  virtual std::uint64_t prefetch(PackedView) const { return 0; }
  /// Prefetches the memory that the method will read next; `prefetched` comes from prefetch().
  virtual void prefetch_further(std::uint64_t /*prefetched*/) const {}

  /// Returns the change feed to which sessions subscribe through this object; null if there is
  /// none.
  virtual ChangeFeed* feed() { return nullptr; }

  /// Returns the comparison key of an entry that object.watch names.
  /// @error type_error  the value cannot be a key here.
  /// @error wrong_type  the type has no entries with keys.
  virtual Expected<std::string> entry_key(PackedView /*key*/) const {
    return fail(Errc::wrong_type, "it has no entries with keys");
  }
  /// From now on tells `keys` of each entry that is assigned to or removed; null: of none. A type
  /// without entries does nothing.
  virtual void report_entries(WatchedKeys* /*keys*/) {}

  /// Returns this State as a lock; null if the object has no owners.
  virtual Lockable* as_lock() { return nullptr; }

  // Shared memory.

  /// Publishes the content through that cell: from now on clients read it without the server. The
  /// cell's `object` is set and a write is in progress; the State ends it (shm::end_write) and from
  /// then on begins and ends each write itself. A type whose content clients cannot read does
  /// nothing: then MappedView ends it. Not called within a transaction.
  virtual void publish(shm::Cell&) {}
  /// Ends the publication. Called while the object is being removed.
  virtual void unpublish() {}

  /// Lends the object's words to clients and stores their place in `out`. Called for each
  /// session.locate. Returns false if this object has no words that clients may use.
  virtual bool locate(Machine&, Object&, Located& /*out*/) { return false; }
};

/// The arguments of a type's `create`: the parameters of object.create after admission.
struct Creation {
  Machine& machine;
  const ObjectType* type;
  ObjectId id;  ///< of the new object
  std::string_view name;
  std::vector<PackedView> arguments;  ///< elements of `args`, checked against the type's table
  std::vector<PackedView> options;    ///< in the order of the type's options; absent if not given
  SessionId session{};                ///< the creating session
  PackedView given{"\x80"};           ///< the options as the client sent them
  std::optional<Packed> shown{};      ///< options for object.info, if they differ from `given`
  bool local = false;                 ///< option local, or the type's default for it
  std::uint64_t version = 1;          ///< of the new object
};

/// One row of the table of types.
struct ObjectType {
  std::string_view name;
  std::string_view doc;
  std::span<const Parameter> arguments{};  ///< of `args` in object.create
  std::span<const Parameter> options{};    ///< beyond those that every type has
  std::span<const Method> methods{};
  bool lends_words = false;  ///< option local=true lets clients on this host change the content
  bool counts_bytes = true;  ///< its content lies in the arena, so that the memory cap counts it
  bool lends_locks = false;  ///< option local lets clients take and free the lock; default true
  /// Makes the State of a new object; null for types without objects (object, server, session).
  Expected<std::unique_ptr<State>> (*create)(Creation& creation) = nullptr;
  /// Makes the State from the value that State::save wrote.
  Expected<std::unique_ptr<State>> (*load)(Creation& creation, PackedView saved) = nullptr;
};

inline MethodRef MethodRef::of(const ObjectType& type, const Method& method) {
  const bool on_object = type.create != nullptr && !method.is_static;
  return {&type, &method, on_object, false, method.least_role()};
}

/// The marks of trial deletion (Collector) on an object.
struct Trial {
  enum class Colour : std::uint8_t {
    none,   ///< not part of a trial
    white,  ///< garbage unless it turns grey
    grey,   ///< reachable; its references are not followed yet
    black,  ///< reachable; its references are followed
  };
  Colour colour = Colour::none;
  bool candidate = false;     ///< it is in the list of candidates
  std::uint64_t counted = 0;  ///< references from other objects of the trial
};

struct Object {
  ObjectId id;
  const ObjectType* type = nullptr;
  std::string name;
  std::uint64_t version = 1;
  Instant created{};
  std::optional<Instant> expires;
  SessionId ephemeral_of;        ///< the session with which it dies, if it is ephemeral
  std::uint64_t holds = 0;       ///< holds of all sessions
  std::uint64_t references = 0;  ///< from containers and items in flight
  Trial trial;
  ObjectWaiters waiters;
  std::optional<Instant> alarm;
  bool lent = false;         ///< clients may change its words without the server
  bool to_refresh = false;   ///< it is in the list of MappedView::refresh
  Handle cell;               ///< null until the object is located (MappedView)
  bool keeps_cell = false;   ///< the State begins and ends the cell's writes (State::publish)
  std::size_t to_serve = 0;  ///< 1 + its place in the machine's list of objects to serve; 0: none
  bool unlinked = false;     ///< deleted by the transaction that runs
  Packed options;            ///< as the client sent them, for object.info
  std::unique_ptr<State> state;
  std::unique_ptr<Watches> watched;  ///< null if neither it nor an entry of it is watched

  bool anonymous() const { return name.front() == '#'; }
};

}  // namespace agora
