// An object as the core sees it: a name, a type, a version, an owner policy, and its State.
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
#include "server/core/state/feed.hpp"
#include "server/core/state/waiters.hpp"
#include "server/storage/arena.hpp"
#include "server/storage/words.hpp"
#include "shared/base/ids.hpp"
#include "shared/base/time.hpp"
#include "shared/shm/cell.hpp"
#include "shared/value/msgpack_writer.hpp"
#include "shared/value/packed.hpp"

namespace agora {

class Machine;
struct Object;
struct ObjectType;

/// Who holds a grant of a lock-like object, for server.locks and for whoever waits.
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

/// Where an object's words lie, for session.locate.
struct Located {
  WordPlace first = 0;
  std::size_t count = 0;  ///< elements
  std::size_t element_bytes = 8;
  char typecode = '*';           ///< of value and array; '*': none
  bool wraps = false;            ///< sums wrap round
  std::uint64_t token_base = 0;  ///< of a lock: token = base + the word's count
};

/// The content of an object; one class for each type, in server/objects.
///
/// A State never outlives its Machine. Its destructor may run long after the object was deleted:
/// the content is first given back in slices (release_some).
class State {
 public:
  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  virtual ~State() = default;

  /// Appends one value from which the type's `load` makes an equal State. Waiters and grants are
  /// not content: they belong to sessions.
  virtual void save(Writer& out) const = 0;

  /// From now on other processes read the content along by that cell, whose `object` is set and
  /// which the State brings out of the change that it is in; null: no longer. Types that nobody can
  /// read along leave it. Not within a transaction; null also while the object is being removed.
  virtual void shown(shm::Cell* cell) { static_cast<void>(cell); }

  /// Appends the whole content as one plain value.
  /// @error too_large  over the limits of one reply.
  virtual Outcome plain(Call& call, Writer& out) const = 0;

  /// Elements, for object.info; 1 for what has no length.
  virtual std::size_t size() const { return 1; }
  /// What those who read along see in the object's cell: its size, or what else one look tells.
  virtual std::uint64_t size_or_flag() const { return size(); }
  /// Bytes of content, for object.info.
  virtual std::size_t bytes() const { return 0; }

  /// Gives back up to `elements` of the content of a deleted object, references included.
  /// @return true when nothing is left.
  virtual bool release_some(Machine& machine, std::size_t elements) {
    static_cast<void>(machine), static_cast<void>(elements);
    return true;
  }

  /// Brings content and waiters together until nobody can be served: the one place where waiting
  /// calls are answered. Called after every change of this object, after a waiter has left, and
  /// when an alarm is due; within a transaction only once that has succeeded.
  virtual void serve(Machine& machine, Object& object) {
    static_cast<void>(machine), static_cast<void>(object);
  }

  /// A session that may hold something here has ended; all its waiters are already gone. Gives
  /// back what it held; who is next is found by `serve`, which follows.
  virtual void session_ended(Machine& machine, Object& object, SessionId session) {
    static_cast<void>(machine), static_cast<void>(object), static_cast<void>(session);
  }

  /// `waiter` left (time-out, cancel, end of session, deadlock) without having been served; it is
  /// already out of its queue. `serve` follows.
  virtual void waiter_left(Machine& machine, Object& object, Waiter& waiter) {
    static_cast<void>(machine), static_cast<void>(object), static_cast<void>(waiter);
  }

  /// The object is being deleted for good; its waiters get NotFound.
  virtual void deleted(Machine& machine, Object& object) {
    static_cast<void>(machine), static_cast<void>(object);
  }

  /// The time of `waiter`, which still stands here, is up. True: it has been moved to another line
  /// without a deadline, or answered; false: it is answered as its method's row says.
  virtual bool time_is_up(Machine& machine, Object& object, Waiter& waiter) {
    static_cast<void>(machine), static_cast<void>(object), static_cast<void>(waiter);
    return false;
  }

  /// The object's alarm is due (Machine::set_alarm). `serve` follows.
  virtual void alarm(Machine& machine, Object& object) {
    static_cast<void>(machine), static_cast<void>(object);
  }

  /// What Call::hands_out counted for that call has arrived for good: its reply is acknowledged.
  virtual void acknowledged(Machine& machine, Object& object, SessionId session,
                            std::uint64_t number) {
    static_cast<void>(machine), static_cast<void>(object);
    static_cast<void>(session), static_cast<void>(number);
  }

  /// Asked within a transaction before a changing method runs here: what puts the present content
  /// back. Empty: the type's handlers note their steps one by one (Machine::undo), as types with
  /// much content do.
  virtual std::function<void()> restorer(Machine& machine) {
    static_cast<void>(machine);
    return {};
  }

  /// Calls `visit(name)` for each reference that the content holds, as often as it is there:
  /// what a collector of cycles walks along. Items in flight count as content.
  virtual void each_reference(const std::function<void(std::string_view)>& visit) const {
    static_cast<void>(visit);
  }

  /// For whom `waiter`, which stands here, waits, if owners are checked: appends holders and
  /// incompatible waiters ahead. What deadlocks are made of; nothing where there are no owners.
  virtual void blockers(const Waiter& waiter, std::vector<OwnerRef>& out) const {
    static_cast<void>(waiter), static_cast<void>(out);
  }

  /// A method with that first argument may run here soon: fetches what it will look at first. What
  /// it gives comes back with prefetch_further, for what it will look at then, and as
  /// Call::prefetched; 0: nothing. Other calls may come in between and change anything.
  virtual std::uint64_t prefetch(PackedView argument) const {
    static_cast<void>(argument);
    return 0;
  }
  virtual void prefetch_further(std::uint64_t seen) const { static_cast<void>(seen); }

  /// Lock-like objects: appends the present holders and returns true.
  virtual bool holders(std::vector<Holder>& out) const {
    static_cast<void>(out);
    return false;
  }

  /// What is said to those who have subscribed to this object itself; none: nobody can.
  virtual Feed* feed() { return nullptr; }

  // What programs on this host may do to the content without the server.

  /// Says which words they may use; called once for each session that asks (session.locate), after
  /// which they may. False: this object has none.
  virtual bool locate(Machine& machine, Object& object, Located& out) {
    static_cast<void>(machine), static_cast<void>(object), static_cast<void>(out);
    return false;
  }
  /// Its words are in the server's hands from now on: nobody else changes them. For what is lent
  /// only while nobody needs the server (locks).
  virtual void take_back(Machine& machine, Object& object) {
    static_cast<void>(machine), static_cast<void>(object);
  }
  /// The reverse, if nothing speaks against it (Machine::lend_soon).
  virtual void lend(Machine& machine, Object& object) {
    static_cast<void>(machine), static_cast<void>(object);
  }

  /// Whether its grants carry fencing tokens, so that a guard may name it.
  virtual bool gives_tokens() const { return false; }
  /// The greatest fencing token given so far; 0 for what gives none.
  virtual std::uint64_t last_token() const { return 0; }
};

/// What a type's `create` gets: the parameters of object.create after admission.
struct Creation {
  Machine& machine;
  const ObjectType* type;
  ObjectId id;  ///< of the object to be
  std::string_view name;
  std::vector<PackedView> arguments;  ///< elements of `args`, checked against the type's table
  std::vector<PackedView> options;    ///< in the order of the type's options; absent if not given
  SessionId session{};                ///< who creates it
  PackedView given{"\x80"};           ///< the options as given
  std::optional<Packed> shown{};      ///< options for object.info, if not those that were given
  bool local = false;                 ///< option local, or the type's default for it
};

/// One row of the list of types.
struct ObjectType {
  std::string_view name;
  std::string_view doc;
  std::span<const Parameter> arguments{};  ///< of `args` in object.create
  std::span<const Parameter> options{};    ///< beyond those that every type has
  std::span<const Method> methods{};
  bool lends_words = false;  ///< option local=true lets programs on this host change the content
  bool lends_locks = false;  ///< option local lets them take and free it; the default is true
  /// Makes the State of a new object. Empty: not creatable (object, server, session).
  Expected<std::unique_ptr<State>> (*create)(Creation& creation) = nullptr;
  /// Makes it from what State::save wrote.
  Expected<std::unique_ptr<State>> (*load)(Creation& creation, PackedView saved) = nullptr;
};

/// What the collector of cycles knows of an object.
struct Suspicion {
  enum class State : std::uint8_t { none, suspect, cleared };
  State state = State::none;
  bool candidate = false;     ///< stands in the list of those with which a run begins
  std::uint64_t counted = 0;  ///< references from other suspects
};

struct Object {
  ObjectId id;
  const ObjectType* type = nullptr;
  std::string name;
  std::uint64_t version = 1;
  Instant created{};
  std::optional<Instant> expires;
  SessionId ephemeral_of;        ///< dies with that session; none for others
  std::uint64_t holds = 0;       ///< holds of all sessions
  std::uint64_t references = 0;  ///< from containers and items in flight
  Suspicion suspicion;
  ObjectWaiters waiters;
  std::optional<Instant> alarm;
  bool lent = false;         ///< programs may change its words without the server
  bool to_lend = false;      ///< stands in the machine's list of objects to lend again
  Handle cell;               ///< what programs that map the arena see; null: nobody asked
  bool cell_keeper = false;  ///< the State brings the cell through changes (State::shown)
  bool to_serve = false;     ///< stands in the machine's list of objects to serve
  bool unlinked = false;     ///< deleted by a transaction that still runs
  Packed options;            ///< as given, for object.info
  std::unique_ptr<State> state;
  std::unique_ptr<Feed> watched;  ///< its changes, if somebody watches it or has just done so

  bool anonymous() const { return name.front() == '#'; }
};

}  // namespace agora
