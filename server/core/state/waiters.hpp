// SPDX-License-Identifier: MIT

// Waiter and Waiters: the records of waiting calls. A waiting call never blocks a thread.
//
// A record can be listed, cancelled, timed out, found again after a reconnect, and removed when its
// session ends. All queues are FIFO. The objects decide which waiter to serve. A waiter enters and
// leaves its queues in O(1), except for the ordered set of deadlines. So releasing a lock with ten
// thousand waiters costs as much as releasing one with ten.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "server/core/methods/caller.hpp"
#include "server/core/methods/command.hpp"
#include "server/storage/values.hpp"
#include "shared/base/ids.hpp"
#include "shared/base/time.hpp"

namespace agora {

struct Object;
struct Session;
struct Waiter;
struct RareParts;
class Sessions;
class WaitQueue;

/// The links of a waiter in one intrusive list.
struct WaitHook {
  Waiter* next = nullptr;
  Waiter* previous = nullptr;
};

/// A parked call. Its layout follows cache lines: first the caller, then the links that change when
/// a neighbour in a queue leaves.
struct alignas(64) Waiter : Caller {
  WaitHook in_queue, in_object, in_all;
  Session* home = nullptr;  ///< the caller's session, which outlives its waiters
  Object* object = nullptr;

  WaitHook in_session, in_owner;
  WaitQueue* queue = nullptr;       ///< the queue that it is in
  std::uint64_t serial = 0;         ///< order of arrival in the whole machine
  std::unique_ptr<RareParts> rare;  ///< null for most waiters
  /// For a condition.wait that reacquires its lock: the recursion depth to restore. Such a waiter
  /// is never refused because of a deadlock. 0 for all other calls.
  std::uint64_t levels = 0;

  std::string owner;
  Instant since{};
  std::optional<Instant> until;

  std::vector<Handle> items;  ///< values to be added (queue.put)
  std::uint64_t count = 0;    ///< queue.get_many: items wanted; other types give it another meaning
  Packed key;                 ///< the awaited key (dict.wait_for)
  std::unique_ptr<ReplyContext> context;  ///< of its reply
  std::size_t counted = 0;                ///< its bytes beside kWaiterBytes, as Waiters counts them

  /// Tells whether its owner has other waiting calls.
  bool waits_elsewhere() const { return in_owner.next != nullptr || in_owner.previous != nullptr; }

  /// Returns the guard; null if it has none, or if the call has had its effect already.
  const Packed* guard() const;
  void set_guard(PackedView guard);
  void drop_guard();
  /// Returns the waiter of the call: this one, unless it only keeps a place for that call.
  Waiter& of_call();
  /// Returns the places of a call that waits at several objects, in the order that the call gave.
  /// Empty for a call that waits at one object.
  std::span<const std::unique_ptr<Waiter>> places() const;
};

/// The parts of a waiter that few calls have.
struct RareParts {
  /// [lock, token]: the grant that must still stand when the waiter is served.
  std::unique_ptr<Packed> guard;
  /// The call waits at several objects (queue.get_any): `places` has one waiter for each, which
  /// only keeps the call's place in the object's queue. The waiter of the call is in no queue, and
  /// its `object` is that of the first place.
  std::vector<std::unique_ptr<Waiter>> places;
  /// The waiter of the call, if this one is such a place.
  Waiter* call = nullptr;
};

inline const Packed* Waiter::guard() const { return rare == nullptr ? nullptr : rare->guard.get(); }
inline Waiter& Waiter::of_call() {
  return rare == nullptr || rare->call == nullptr ? *this : *rare->call;
}
inline std::span<const std::unique_ptr<Waiter>> Waiter::places() const {
  if (rare == nullptr) return {};
  return rare->places;
}

/// An intrusive list of waiters in order of arrival, through one of their hooks. All O(1).
template <WaitHook Waiter::*Hook>
class WaitList {
 public:
  bool empty() const { return first_ == nullptr; }
  std::size_t size() const { return size_; }
  Waiter* front() const { return first_; }
  Waiter* back() const { return last_; }
  static Waiter* next(const Waiter& waiter) { return (waiter.*Hook).next; }

  void push_back(Waiter& waiter) {
    (waiter.*Hook) = {nullptr, last_};
    (last_ != nullptr ? (last_->*Hook).next : first_) = &waiter;
    last_ = &waiter;
    ++size_;
  }
  void remove(Waiter& waiter) {
    WaitHook& hook = waiter.*Hook;
    (hook.previous != nullptr ? (hook.previous->*Hook).next : first_) = hook.next;
    (hook.next != nullptr ? (hook.next->*Hook).previous : last_) = hook.previous;
    hook = {};
    --size_;
  }

 private:
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
  std::size_t size_ = 0;
};

/// A queue of waiters. An object has one for each condition that calls wait for.
class WaitQueue : public WaitList<&Waiter::in_queue> {
 public:
  void push_back(Waiter& waiter) {
    waiter.queue = this;
    WaitList::push_back(waiter);
  }
  void remove(Waiter& waiter) {
    WaitList::remove(waiter);
    waiter.queue = nullptr;
  }
};

/// A queue in which a call waits, and the object to which it belongs.
struct WaitPlace {
  Object* object = nullptr;
  WaitQueue* queue = nullptr;
};

/// All waiters of one object, in any of its queues.
using ObjectWaiters = WaitList<&Waiter::in_object>;

/// The waits of one session.
struct SessionWaits {
  using OfOwner = WaitList<&Waiter::in_owner>;
  using ByWire = std::map<std::pair<std::uint64_t, std::uint64_t>, Waiter*>;  // id as sent, serial

  WaitList<&Waiter::in_session> all;
  OfOwner unnamed;  ///< the waits of the owner "", the default and the usual one
  /// The waits of the other owners. Never iterated, only looked up; no list is empty. Null until
  /// such an owner waits.
  std::unique_ptr<std::unordered_map<std::string, OfOwner>> named;
  std::size_t further_places = 0;  ///< of calls that wait at several objects, beyond the first
  /// An index for find_wire: built when it searches many waiters, kept until no call waits.
  std::unique_ptr<ByWire> by_wire;
};

/// Owns all parked calls, and indexes them by session, owner and deadline.
class Waiters {
 public:
  explicit Waiters(Sessions& sessions) : sessions_(sessions) {}
  Waiters(const Waiters&) = delete;
  Waiters& operator=(const Waiters&) = delete;
  ~Waiters();

  /// Adds a waiter at the end of `queue` and to all indexes. The reference is valid until `remove`.
  Waiter& park(Waiter start, WaitQueue& queue);

  /// Does the same for a call that waits at several objects: it enters the queues of all places, of
  /// which there must be one at least.
  Waiter& park(Waiter start, std::span<const WaitPlace> places);

  /// Gives up one place of a call that waits at several objects. Returns false, and does nothing,
  /// if it is the call's last place, or if the waiter is no such place.
  bool leave_place(Waiter& place);

  /// Removes the waiter from its queues and all indexes, and returns it. For a place it removes the
  /// waiter of the call.
  std::unique_ptr<Waiter> remove(Waiter& waiter);

  /// Moves the waiter to the end of another queue, perhaps of another object, and sets its deadline
  /// to `until`. `since`, owner and caller stay.
  void move(Waiter& waiter, Object& object, WaitQueue& queue, std::optional<Instant> until);
  /// Returns how often a waiter was moved.
  std::uint64_t moves() const { return moves_; }
  /// Sets the deadline of a waiter, which keeps its place in its queue.
  void set_deadline(Waiter& waiter, std::optional<Instant> until);

  /// Returns the oldest waiter with that tag; null if there is none. O(waiters of the session).
  Waiter* find(SessionId session, LinkId link, std::uint64_t tag);

  /// Returns the oldest waiter whose call had that id on the wire; null if there is none. For n
  /// waiters of the session: O(log n); O(n) the first time, when it builds the index.
  Waiter* find_wire(Session& session, std::uint64_t id);
  /// Gives a waiter the link, tag and id with which its call was resent.
  void rebind_resent_call(Waiter& waiter, const Caller& caller);

  /// Returns the oldest waiter; null if there is none. O(1).
  Waiter* first() const { return all_.front(); }
  /// Returns the oldest waiter of a session; null if there is none. O(1).
  Waiter* first_of(SessionId session) const;
  static Waiter* next_of_session(const Waiter& waiter) { return waiter.in_session.next; }
  /// Returns the waiter that arrived next after this one; null if it is the newest.
  static Waiter* next(const Waiter& waiter) { return waiter.in_all.next; }
  /// Returns the number of places in which the session's calls wait: one for each object.
  std::size_t count_of(SessionId session) const;

  /// Returns the oldest waiter of that owner (session and text); null if there is none. O(1).
  Waiter* first_of(SessionId session, std::string_view owner) const;
  static Waiter* next_of_owner(const Waiter& waiter) { return waiter.in_owner.next; }

  /// Returns the waiter with the earliest deadline due at `now`; null if there is none.
  Waiter* due(Instant now);
  std::optional<Instant> next_deadline() const;

  std::size_t size() const { return all_.size(); }
  /// Returns the number of places in which calls wait: one for each call and object.
  std::size_t places() const { return all_.size() + further_places_; }
  /// Returns the bytes of all waiters, with the keys, owners and guards that they keep, roughly.
  std::size_t bytes_used() const { return places() * kWaiterBytes + texts_bytes_; }

  /// Calls `visit(const Waiter&)` for each waiter in order of arrival.
  template <typename Visit>
  void each(Visit&& visit) const {
    for (Waiter* waiter = all_.front(); waiter != nullptr; waiter = all_.next(*waiter)) {
      visit(*waiter);
    }
  }
  /// Calls `visit(const Waiter&, const Object&)` for each call and each object at which it waits.
  template <typename Visit>
  void each_place(Visit&& visit) const {
    each([&](const Waiter& waiter) {
      if (waiter.places().empty()) return visit(waiter, *waiter.object);
      for (const auto& place : waiter.places()) visit(waiter, *place->object);
    });
  }

 private:
  const SessionWaits* of(SessionId session) const;
  Waiter& add(Waiter start);
  /// The memory of a parked call apart from its texts, in bytes, roughly as measured.
  static constexpr std::size_t kWaiterBytes = 512;

  static void enter(Waiter& waiter, WaitQueue& queue);
  static void leave(Waiter& waiter);

  Sessions& sessions_;
  std::uint64_t next_serial_ = 1;
  std::uint64_t moves_ = 0;
  std::size_t further_places_ = 0;
  std::size_t texts_bytes_ = 0;
  WaitList<&Waiter::in_all> all_;  // owns them
  std::map<std::pair<Instant, std::uint64_t>, Waiter*> by_deadline_;
};

}  // namespace agora
