// Queue: the content of a queue and the rules by which items move in it; its methods are in
// queue.cpp.
//
// An item is ready, delayed, held by a session (reserved, or got and not yet acknowledged), or
// dead: it came back after its 16th delivery. It keeps its place whatever happens to it. Every
// move notes how it is undone, so that a failed transaction leaves all as it was.
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

enum class QueueOrder : std::uint8_t { fifo, lifo, priority };

class Queue : public State {
 public:
  /// Waiter::count of a waiting reserve; of a get it is 0, of a get_many what it takes at most.
  static constexpr std::uint64_t kReserves = ~std::uint64_t{0};

  Queue(Machine& machine, ObjectId id, QueueOrder order, std::size_t maxsize)
      : machine_(machine), id_(id), order_(order), maxsize_(maxsize) {}

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
  std::function<void()> restorer(Machine& machine) override;
  void each_reference(const std::function<void(std::string_view)>& visit) const override;

  std::size_t maxsize() const { return maxsize_; }
  bool closed() const { return closed_; }
  std::uint64_t unfinished() const { return unfinished_; }
  bool has_room(std::size_t more) const {
    return maxsize_ == 0 || ready_.size() + delayed_.size() + more <= maxsize_;
  }
  /// Closed, and no item is there or can come back.
  bool drained() const { return closed_ && ready_.empty() && delayed_.empty() && held_.empty(); }
  const ReadyItems& ready() const { return ready_; }
  const std::deque<QueueItem>& dead() const { return dead_; }
  /// The reservation with that id, if that session has it.
  const Reservation* reservation(std::uint64_t id, SessionId session) const;
  PackedView view(const QueueItem& item) const { return machine_.values().view(item.value); }
  /// Appends the ready, or the dead, items as one list.
  /// @error too_large  over the limits of one reply.
  Outcome write_ready(Writer& out) const;
  Outcome write_dead(Writer& out) const;

  /// Lets a stored value in, at the place of its arrival, once the delay is over.
  void put(Object& object, Handle value, Priority priority, Duration delay);
  /// Takes the front as delivered once more. Not to be called when nothing is ready.
  QueueItem take_front();
  /// As many items from the front as `count` and the limits of one reply allow, at least one.
  std::vector<QueueItem> take_many(std::uint64_t count);
  /// What was taken goes to a call: for good, or (`kept`) until its reply is acknowledged.
  void hand_over(const Caller& caller, bool kept, const QueueItem& item);
  /// Reserves the front for a session.
  Reservation reserve(Object& object, SessionId session, std::optional<Duration> lease);
  /// The item of a reservation is done.
  void acknowledge(std::uint64_t id);
  /// It goes back to its place, once the delay is over.
  void requeue(Object& object, std::uint64_t id, Duration delay);
  /// Its lease begins anew.
  void touch(Object& object, std::uint64_t id);
  /// Puts items from the front of the dead-letter list back at their places. Returns how many.
  std::size_t redrive(std::uint64_t count);
  /// Drops what is ready or delayed. Returns how many. O(1); the rest is done in slices.
  std::size_t clear(Object& object);
  void close() { closed_ = true; }
  /// A session says that one item is done. If it is one that may still come back, it counts again
  /// should it do so.
  void task_done(SessionId session);

  WaitQueue getters;
  WaitQueue putters;
  WaitQueue joiners;

 private:
  friend class QueueLoader;
  using Delayed = std::pair<Instant, QueueItem>;

  void add_ready(const QueueItem& item);
  void add_delayed(Object& object, const Delayed& delayed);
  void come_back(const QueueItem& item);
  Reservation release(std::uint64_t id);
  void let_go(SessionId session);
  void drop(const QueueItem& item);
  /// One item less to be done, if there is one.
  void one_done() { unfinished_ -= unfinished_ > 0 ? 1 : 0; }
  void set_alarm(Object& object);
  void let_in(Object& object, Waiter& putter);
  void serve_getter(Object& object, Waiter& getter);
  std::optional<QueueItem> take_any();

  Machine& machine_;
  ObjectId id_;
  QueueOrder order_;
  std::size_t maxsize_;  ///< ready and delayed items; 0: no bound
  bool closed_ = false;
  std::uint64_t unfinished_ = 0;
  std::uint64_t last_arrival_ = 0;
  std::uint64_t last_id_ = 0;
  std::size_t bytes_ = 0;      ///< of all items
  std::size_t out_bytes_ = 0;  ///< of those that are held or dead

  ReadyItems ready_;
  std::set<Delayed> delayed_;
  HeldItems held_;
  std::deque<QueueItem> dead_;  ///< in the order of their deaths
};

/// `{id, item, deliveries}`.
void write_reservation(Writer& out, const Reservation& reservation, PackedView item);

}  // namespace agora
