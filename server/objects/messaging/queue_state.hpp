// SPDX-License-Identifier: MIT

// Queue: the content of a queue and the state machine of its items; its methods are in queue.cpp.
//
// An item is ready, delayed, held by a session (reserved, or got and not yet acknowledged), or
// dead: it was rejected, or came back after its last delivery. An item keeps its place in the order
// through all states. Every transition logs its undo step, so a failed transaction rolls back
// completely.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "server/core/machine/machine.hpp"
#include "server/objects/messaging/held_items.hpp"
#include "server/objects/messaging/ready_items.hpp"

namespace agora {

class Call;

enum class QueueOrder : std::uint8_t { fifo, lifo, priority };

/// The options of a queue, fixed when it is created.
struct QueueOptions {
  QueueOrder order = QueueOrder::fifo;
  std::size_t maxsize = 0;  ///< bound on ready and delayed items; 0: no bound
  std::uint16_t max_deliveries =
      16;  ///< an item that comes back after so many is dead; 0: no bound
};

/// Returns the options that object.create was given.
/// @error value_error  one of them is out of its range.
Expected<QueueOptions> queue_options(const Creation& creation);

/// An item of the dead-letter list.
struct DeadLetter {
  QueueItem item;
  Handle reason;          ///< the text that `reject` was given; null if that is empty
  bool rejected = false;  ///< false: it came back after its last delivery
  Instant since{};        ///< when it died
};

class Queue : public State {
 public:
  /// Waiter::count of a waiting reserve. For a get it is 0, for a get_many the maximum to take.
  static constexpr std::uint64_t kReserves = ~std::uint64_t{0};

  Queue(Machine& machine, ObjectId id, const QueueOptions& options)
      : machine_(machine), id_(id), options_(options) {}

  void save(Writer& out) const override;
  static Expected<std::unique_ptr<State>> load(Creation& creation, PackedView saved);
  Outcome plain(Call& call, Writer& out) const override;
  std::size_t size() const override { return ready_.size(); }
  std::size_t bytes() const override { return bytes_; }
  bool release_some(Machine& machine, std::size_t elements) override;
  void serve(Machine& machine, Object& object) override;
  void session_ended(Machine& machine, Object& object, SessionId session) override;
  void alarm(Machine& machine, Object& object) override;
  void acknowledged(Machine& machine, Object& object, SessionId session,
                    std::uint64_t number) override;
  void declined(Machine& machine, Object& object, SessionId session, std::uint64_t number) override;
  std::function<void()> restorer(Machine& machine) override;
  void each_reference(const std::function<void(std::string_view)>& visit) const override;

  std::size_t maxsize() const { return options_.maxsize; }
  bool closed() const { return closed_; }
  std::uint64_t unfinished() const { return unfinished_; }
  bool has_room(std::size_t more) const {
    return maxsize() == 0 || ready_.size() + delayed_.size() + more <= maxsize();
  }
  /// Returns whether the queue is closed, and no item is there or can come back.
  bool drained() const { return closed_ && ready_.empty() && delayed_.empty() && held_.empty(); }
  const ReadyItems& ready() const { return ready_; }
  /// Returns whether a call may take the front item. While other calls wait for items, which
  /// happens only within a transaction, the items that it has put are theirs.
  bool may_take() const { return !ready_.empty() && getters.empty(); }
  /// Returns the reservation with that id if that session has it, else null.
  const Reservation* reservation(std::uint64_t id, SessionId session) const;
  PackedView view(const QueueItem& item) const { return machine_.values().view(item.value); }
  /// Appends the ready items as one list.
  /// @error too_large  the list exceeds the limits of one reply.
  Outcome write_ready(Writer& out) const;
  /// Appends the first `count` dead letters, `[{item, deliveries, reason, since}]`.
  /// @error too_large  the list exceeds the limits of one reply.
  Outcome write_dead(Writer& out, std::uint64_t count) const;

  /// Enqueues a stored value; it becomes ready after the delay. Its place is that of its arrival.
  void put(Object& object, Handle value, Priority priority, Duration delay);
  /// Dequeues the front item and counts a delivery. The queue must have a ready item.
  QueueItem take_front();
  /// Dequeues as many items from the front as `count` and the limits of one reply allow, at least
  /// one.
  std::vector<QueueItem> take_many(std::uint64_t count);
  /// Delivers a dequeued item to a call. If `kept`, the queue holds the item until the reply is
  /// acknowledged; otherwise it drops the item.
  void deliver(const Caller& caller, bool kept, const QueueItem& item);
  /// Reserves the front item for a session.
  Reservation reserve(Object& object, SessionId session, std::optional<Duration> lease);
  /// Completes the item of a reservation: it is dropped.
  void acknowledge(std::uint64_t id);
  /// Puts the item of a reservation back in its place after the delay.
  /// @param counts  false: this delivery is taken back first
  void requeue(Object& object, std::uint64_t id, Duration delay, bool counts);
  /// Moves the item of a reservation to the dead-letter list.
  /// @param reason  a stored text, which now belongs to the queue; null if it is empty
  void reject(std::uint64_t id, Handle reason);
  /// Renews the lease of a reservation.
  void touch(Object& object, std::uint64_t id);
  /// Moves items from the front of the dead-letter list back to their places, as if they had never
  /// been delivered. Returns their number.
  std::size_t redrive(std::uint64_t count);
  /// Drops all dead letters. Returns their number. O(1); the memory is freed incrementally.
  std::size_t purge_dead_letters();
  /// Drops all ready and delayed items. Returns their number. O(1); the memory is freed
  /// incrementally.
  std::size_t clear(Object& object);
  void close() { closed_ = true; }
  /// Has the ids of reservations begin above `last`. A new queue's ids begin
  /// above the ids of all deleted ones: each reservation is a new version of its queue, so the
  /// versions bound the ids.
  void continue_ids(std::uint64_t last) { last_id_ = last; }
  /// Counts one item of the session as done. An item whose reply is not acknowledged may still come
  /// back; then it counts as unfinished again.
  void task_done(SessionId session);

  WaitQueue getters;
  WaitQueue putters;
  WaitQueue joiners;

 private:
  friend class QueueLoader;
  using Delayed = std::pair<Instant, QueueItem>;

  void add_ready(const QueueItem& item);
  void add_delayed(Object& object, const Delayed& delayed);
  bool spent(const QueueItem& item) const {
    return options_.max_deliveries != 0 && item.deliveries >= options_.max_deliveries;
  }
  void return_to_ready(const QueueItem& item);
  void add_dead_letter(const DeadLetter& letter);
  std::size_t bytes_of(const DeadLetter& letter) const;
  Reservation release(std::uint64_t id);
  void untrack(SessionId session);
  void drop(const QueueItem& item);
  /// Decrements the number of unfinished items, unless it is 0.
  void one_done() { unfinished_ -= unfinished_ > 0 ? 1 : 0; }
  void set_alarm(Object& object);
  void serve_putter(Object& object, Waiter& putter);
  void serve_getter(Object& object, Waiter& getter);
  bool release_one(Machine& machine);

  Machine& machine_;
  ObjectId id_;
  QueueOptions options_;
  bool closed_ = false;
  std::uint64_t unfinished_ = 0;
  std::uint64_t last_arrival_ = 0;
  std::uint64_t last_id_ = 0;
  std::size_t bytes_ = 0;       ///< of all items, dead ones with their reasons
  std::size_t held_bytes_ = 0;  ///< of the items that are held
  std::size_t dead_bytes_ = 0;  ///< of the dead letters

  ReadyItems ready_;
  std::set<Delayed> delayed_;
  HeldItems held_;
  std::deque<DeadLetter> dead_;  ///< in the order in which they died
};

/// Writes `{id, item, deliveries}`, or `{queue, id, item, deliveries}` if the name of the queue is
/// not empty.
void write_reservation(Writer& out, std::string_view queue, const Reservation& reservation,
                       PackedView item);
/// Writes `{queue, item}`.
void write_item_of(Writer& out, std::string_view queue, PackedView item);

/// Returns the packed number that the key of a waiting reserve has for that lease.
Packed lease_key(Duration lease);
/// Returns the lease in parameter `index` of a reserve.
/// @error value_error  it is 0.
Expected<std::optional<Duration>> lease_of(Call& call, std::size_t index);

}  // namespace agora
