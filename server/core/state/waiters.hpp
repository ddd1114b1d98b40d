// Waiting is a record: who, on what, since when, until when; never a blocked thread.
//
// So a blocked call can be listed, cancelled, timed out, found again after a reconnect, and removed
// when its session ends. All queues are first come, first served. Nothing here decides whom to
// serve; the objects do. Entering and leaving are O(1) but for a deadline's place, so a lock with
// ten thousand waiters costs a release what one with ten does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
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
class Sessions;
class WaitQueue;

/// A waiter's place in one list.
struct WaitHook {
  Waiter* next = nullptr;
  Waiter* previous = nullptr;
};

/// A parked call. Laid out in cache lines: who it is, then what its neighbours in line touch when
/// one of them leaves.
struct alignas(64) Waiter : Caller {
  WaitHook in_queue, in_object, in_all;
  Session* home = nullptr;  ///< the session with that id, which outlives its waiters
  Object* object = nullptr;

  WaitHook in_session, in_owner;
  WaitQueue* queue = nullptr;  ///< where it stands
  std::uint64_t serial = 0;    ///< order of arrival over the whole machine
  /// [lock, token]: the grant that must still stand when it is served. None: it has no guard, or
  /// its effect came when the call came.
  std::unique_ptr<Packed> guard;
  /// Of a condition.wait: how often it has acquired the lock that it takes back; 0: any other
  /// call. Such a waiter is never refused because of a deadlock.
  std::uint64_t levels = 0;

  std::string owner;
  Instant since{};
  std::optional<Instant> until;

  std::vector<Handle> items;  ///< values that wait to go in (queue.put)
  std::uint64_t count = 0;    ///< how many it wants (queue.get_many), or what its type says
  Packed key;                 ///< what it waits for (dict.wait_for)
  std::unique_ptr<ReplyContext> context;  ///< of its reply

  /// Whether its owner has other waiting calls.
  bool waits_elsewhere() const { return in_owner.next != nullptr || in_owner.previous != nullptr; }
};

/// Waiters in order of arrival, through one of their hooks. All O(1).
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

/// The line before an object: one for each thing that is waited for.
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

/// All waiters of one object, whatever they wait for there.
using ObjectWaiters = WaitList<&Waiter::in_object>;

/// The waits of one session.
struct SessionWaits {
  using OfOwner = WaitList<&Waiter::in_owner>;
  using ByWire = std::map<std::pair<std::uint64_t, std::uint64_t>, Waiter*>;  // id as sent, serial

  WaitList<&Waiter::in_session> all;
  OfOwner unnamed;  ///< most owners have no text
  /// Looked up only, never walked; no line is empty. None: there was no owner with a text yet.
  std::unique_ptr<std::unordered_map<std::string, OfOwner>> named;
  /// Made when an id is looked for among many, kept until nothing waits.
  std::unique_ptr<ByWire> by_wire;
};

/// Owns all parked calls. Objects, sessions, owners and deadlines refer to them.
class Waiters {
 public:
  explicit Waiters(Sessions& sessions) : sessions_(sessions) {}
  Waiters(const Waiters&) = delete;
  Waiters& operator=(const Waiters&) = delete;
  ~Waiters();

  /// Makes a waiter at the end of `queue`, and enters it with its object and its home. The
  /// reference is valid until `remove`.
  Waiter& park(Waiter start, WaitQueue& queue);

  /// Takes it out of its queue, its session, its object and the deadlines, and hands it over.
  std::unique_ptr<Waiter> remove(Waiter& waiter);

  /// Lets it wait on at the end of another line, of another object perhaps; without a deadline if
  /// `until` is empty. `since`, owner and caller stay.
  void move(Waiter& waiter, Object& object, WaitQueue& queue, std::optional<Instant> until);

  /// The oldest waiter with that mark, if one is parked. O(waiters of the session).
  Waiter* find(SessionId session, LinkId link, std::uint64_t tag);

  /// The oldest waiter whose call came with that id. O(log n), but for the first time since
  /// nothing waited there.
  Waiter* find_wire(Session& session, std::uint64_t id);
  /// The waiting call came again, over that link and with that tag and id.
  void rebind_resent_call(Waiter& waiter, const Caller& caller);

  /// The oldest waiter of a session, or none. O(1).
  Waiter* first_of(SessionId session) const;
  static Waiter* next_of_session(const Waiter& waiter) { return waiter.in_session.next; }
  std::size_t count_of(SessionId session) const;

  /// The oldest waiter of that owner (session and text), or none. O(1).
  Waiter* first_of(SessionId session, std::string_view owner) const;
  static Waiter* next_of_owner(const Waiter& waiter) { return waiter.in_owner.next; }

  /// The waiter whose deadline is due at `now`, earliest first; none if there is none.
  Waiter* due(Instant now);
  std::optional<Instant> next_deadline() const;

  std::size_t size() const { return all_.size(); }

  /// All waiters in order of arrival.
  template <typename Visit>
  void each(Visit&& visit) const {
    for (Waiter* waiter = all_.front(); waiter != nullptr; waiter = all_.next(*waiter)) {
      visit(*waiter);
    }
  }

 private:
  const SessionWaits* of(SessionId session) const;

  Sessions& sessions_;
  std::uint64_t next_serial_ = 1;
  WaitList<&Waiter::in_all> all_;  // owns them
  std::map<std::pair<Instant, std::uint64_t>, Waiter*> by_deadline_;
};

}  // namespace agora
