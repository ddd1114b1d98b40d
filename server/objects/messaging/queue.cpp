// SPDX-License-Identifier: MIT

// queue: items pass from producers to consumers, in FIFO, LIFO or priority order. queue.Queue,
// LifoQueue, PriorityQueue, JoinableQueue; with reserve and acknowledge.
//
// Getters and putters are each served in FIFO order; a put_many is atomic and blocks the putters
// behind it. An item got on a plain connection is lost with its reply (at most once). In an opened
// session it comes back if the reply is never acknowledged. task_done and join count as in Python's
// Queue. After close a put fails with ShutDown at once, and a get as soon as the queue is drained.

#include <cmath>

#include "server/core/machine/call.hpp"
#include "server/core/machine/creation.hpp"
#include "server/core/methods/scalar.hpp"
#include "server/objects/messaging/queue_any.hpp"
#include "server/objects/messaging/queue_state.hpp"
#include "server/objects/retry_semantics.hpp"
#include "server/objects/types.hpp"
#include "shared/value/elements.hpp"

namespace agora {
namespace {

Failure closed(const Call& call) {
  return call.fail_here(Errc::shut_down, call.what() + " is closed");
}

/// How the items of one call are enqueued.
struct PutOptions {
  PackedView priority{std::string_view{"\0", 1}};  ///< a number in normal form; 0
  Duration delay{};
};

/// Waits for room. If the call waits, the ownership of the stored items passes to its waiter, and
/// `items` is empty.
Outcome wait_for_room(Call& call, Queue& queue, std::vector<Handle>& items,
                      const PutOptions& options) {
  return call.wait(queue.putters, 1, [&](Waiter& waiter) {
    waiter.items = std::move(items);
    items.clear();
    std::string key;
    Writer out{key};
    out.list(2);
    out.packed(options.priority);
    out.integer(options.delay.count());
    waiter.key = Packed{std::move(key)};
  });
}

Outcome put_items(Call& call, Queue& queue, const std::vector<PackedView>& views,
                  const PutOptions& options) {
  if (queue.closed()) return closed(call);
  if (queue.maxsize() != 0 && views.size() > queue.maxsize()) {
    return call.fail_here(Errc::value_error, std::to_string(views.size()) + " items never fit " +
                                                 call.what() + " with maxsize " +
                                                 std::to_string(queue.maxsize()));
  }
  std::vector<Handle> items;
  const auto drop = [&] {
    for (const Handle item : items) call.machine().drop(item);
  };
  for (const PackedView view : views) {
    auto stored = call.machine().store(view);
    if (!stored) {
      drop();
      return stored.failure();
    }
    items.push_back(*stored);
  }
  if (!queue.putters.empty() || !queue.has_room(items.size())) {
    Outcome outcome = wait_for_room(call, queue, items, options);
    drop();
    return outcome;
  }
  const Priority priority = Priority::of(options.priority);
  for (const Handle item : items) queue.put(call.object(), item, priority, options.delay);
  if (!items.empty()) call.changed();
  return Progress::done;
}

Outcome put(Call& call, Queue& queue) {
  PutOptions options;
  if (call.given(2)) options.priority = call.arg(2);
  if (std::isnan(Priority::of(options.priority).near)) {
    return call.fail_here(Errc::value_error, "priority must be a number, got NaN");
  }
  options.delay = call.seconds(3).value_or(Duration{});
  return put_items(call, queue, {call.arg(0)}, options);
}

Outcome put_many(Call& call, Queue& queue) {
  std::vector<PackedView> views;
  for (const PackedView item : Elements{call.arg(0)}) views.push_back(item);
  return put_items(call, queue, views, {});
}

/// Waits for an item.
/// @param count  as Waiter::count of the queue's getters: 0, a maximum, or Queue::kReserves
/// @param lease  for kReserves only
Outcome wait_for_item(Call& call, Queue& queue, std::size_t timeout, std::uint64_t count,
                      std::optional<Duration> lease = {}) {
  if (queue.drained()) return closed(call);
  return call.wait(queue.getters, timeout, [&](Waiter& waiter) {
    waiter.count = count;
    if (lease) waiter.key = lease_key(*lease);
  });
}

Outcome get(Call& call, Queue& queue) {
  if (!queue.may_take()) return wait_for_item(call, queue, 0, 0);
  const bool kept = call.track_delivery();
  const QueueItem item = queue.take_front();
  call.reply_stored(item.value);
  queue.deliver(call.caller(), kept, item);
  call.changed();
  return Progress::done;
}

Outcome get_many(Call& call, Queue& queue) {
  const std::int64_t max = call.integer(0);
  const auto most = static_cast<std::int64_t>(call.machine().limits().work_elements_max);
  if (max < 1 || max > most) {
    return call.fail_here(Errc::value_error,
                          "max must be 1 to " + std::to_string(most) + ", got " + call.decimal(0));
  }
  const auto count = static_cast<std::uint64_t>(max);
  if (!queue.may_take()) return wait_for_item(call, queue, 1, count);
  const bool kept = call.track_delivery();
  const std::vector<QueueItem> items = queue.take_many(count);
  Writer out = call.reply();
  out.list(static_cast<std::uint32_t>(items.size()));
  for (const QueueItem& item : items) {
    out.packed(queue.view(item));
    queue.deliver(call.caller(), kept, item);
  }
  call.changed();
  return Progress::done;
}

Outcome size(Call& call, Queue& queue) {
  call.reply().unsigned_integer(queue.ready().size());
  return Progress::done;
}

Outcome empty(Call& call, Queue& queue) {
  call.reply().boolean(queue.ready().empty());
  return Progress::done;
}

Outcome full(Call& call, Queue& queue) {
  call.reply().boolean(!queue.has_room(1));
  return Progress::done;
}

Outcome peek(Call& call, Queue& queue) {
  if (queue.ready().empty()) return call.fail_here(Errc::empty, call.what() + " is empty");
  call.reply_stored(queue.ready().front().value);
  return Progress::done;
}

Outcome task_done(Call& call, Queue& queue) {
  if (queue.unfinished() == 0) {
    return call.fail_here(Errc::value_error,
                          "task_done was called more often than items were put in " + call.what());
  }
  queue.task_done(call.session());
  call.changed();
  return Progress::done;
}

Outcome join(Call& call, Queue& queue) {
  return queue.unfinished() == 0 ? Outcome{Progress::done} : call.wait(queue.joiners, 0);
}

Outcome clear(Call& call, Queue& queue) {
  const std::size_t count = queue.clear(call.object());
  if (count > 0) call.changed();
  call.reply().unsigned_integer(count);
  return Progress::done;
}

Outcome close(Call& call, Queue& queue) {
  if (!queue.closed()) call.changed();
  queue.close();
  return Progress::done;
}

// ---- with acknowledgement ------------------------------------------------------------------

Outcome reserve(Call& call, Queue& queue) {
  auto lease = lease_of(call, 1);
  if (!lease) return lease.failure();
  if (!queue.may_take()) return wait_for_item(call, queue, 0, Queue::kReserves, *lease);
  const Reservation made = queue.reserve(call.object(), call.session(), *lease);
  Writer out = call.reply();
  write_reservation(out, {}, made, queue.view(made.item));
  call.changed();
  return Progress::done;
}

/// Returns the reservation id of the first parameter, if the calling session has it.
Expected<std::uint64_t> reserved_id(Call& call, const Queue& queue) {
  const std::int64_t id = call.integer(0);
  if (id > 0 && queue.reservation(static_cast<std::uint64_t>(id), call.session()) != nullptr) {
    return static_cast<std::uint64_t>(id);
  }
  return call.fail_here(Errc::not_found, "this session has reserved no item " + std::to_string(id) +
                                             " in " + call.what() +
                                             "; it is done, went back, or its lease ran out");
}

Outcome acknowledge(Call& call, Queue& queue) {
  auto id = reserved_id(call, queue);
  if (!id) return id.failure();
  queue.acknowledge(*id);
  call.changed();
  return Progress::done;
}

Outcome requeue(Call& call, Queue& queue) {
  auto id = reserved_id(call, queue);
  if (!id) return id.failure();
  queue.requeue(call.object(), *id, call.seconds(1).value_or(Duration{}), call.boolean(2));
  call.changed();
  return Progress::done;
}

/// Stores the reason of a reject; a null handle if it is empty.
Expected<Handle> store_reason(Call& call, PackedView reason) {
  Machine& machine = call.machine();
  const std::size_t length = text_of(reason).size();
  if (length == 0) return Handle{};
  if (const std::size_t most = machine.limits().reason_bytes_max; length > most) {
    return call.fail_here(Errc::value_error, "reason must be at most " + std::to_string(most) +
                                                 " bytes, got " + std::to_string(length));
  }
  // The method is not marked as one that grows: without a reason it stores nothing.
  const std::size_t cap = machine.limits().memory_bytes_max;
  if (cap != 0 && machine.memory_used() + length > cap) return fail(memory_full(cap));
  return machine.store(reason);
}

Outcome reject(Call& call, Queue& queue) {
  auto id = reserved_id(call, queue);
  if (!id) return id.failure();
  Handle reason;
  if (call.given(1)) {
    auto stored = store_reason(call, call.arg(1));
    if (!stored) return stored.failure();
    reason = *stored;
  }
  queue.reject(*id, reason);
  call.changed();
  return Progress::done;
}

Outcome touch(Call& call, Queue& queue) {
  auto id = reserved_id(call, queue);
  if (!id) return id.failure();
  queue.touch(call.object(), *id);
  return Progress::done;
}

/// Returns the first parameter, a number of dead letters.
Expected<std::uint64_t> letter_count(Call& call) {
  const std::int64_t count = call.integer(0);
  if (count > 0) return static_cast<std::uint64_t>(count);
  return call.fail_here(Errc::value_error, "count must be at least 1, got " + call.decimal(0));
}

Outcome dead_letters(Call& call, Queue& queue) {
  auto count = letter_count(call);
  if (!count) return count.failure();
  Writer out = call.reply();
  return queue.write_dead(out, *count);
}

Outcome redrive(Call& call, Queue& queue) {
  auto count = letter_count(call);
  if (!count) return count.failure();
  const std::size_t redriven = queue.redrive(*count);
  if (redriven > 0) call.changed();
  call.reply().unsigned_integer(redriven);
  return Progress::done;
}

Outcome purge_dead_letters(Call& call, Queue& queue) {
  const std::size_t purged = queue.purge_dead_letters();
  if (purged > 0) call.changed();
  call.reply().unsigned_integer(purged);
  return Progress::done;
}

Expected<std::unique_ptr<State>> create(Creation& creation) {
  auto options = queue_options(creation);
  if (!options) return options.failure();
  auto queue = std::make_unique<Queue>(creation.machine, creation.id, *options);
  queue->continue_ids(creation.version - 1);
  return queue;
}

constexpr Parameter kReservation{"id", ParamKind::integer, kRequired,
                                 "The reservation, from reserve; ids are never reused."};

constexpr Parameter kLease{
    "lease", ParamKind::seconds, kNull,
    "Seconds until the item goes back unless the lease is renewed by touch; null: as long as the "
    "session."};
constexpr Parameter kQueueNames{"names", ParamKind::list, kRequired,
                                "1 to 64 queues, by name or reference."};

constexpr Method kMethods[] = {
    {.name = "put",
     .parameters = {Parameter{"item", ParamKind::any, kRequired, "Any value."}, kTimeout,
                    Parameter{"priority", ParamKind::number, default_int(0),
                              "Lower numbers first; used only by a queue with order=priority."},
                    Parameter{
                        "delay", ParamKind::seconds, default_int(0),
                        "Seconds from the arrival of the item in the queue until it is ready."}},
     .result = "null",
     .errors = {Errc::full, Errc::shut_down, Errc::value_error},
     .access = Access::write,
     .timed_out = TimedOut::full,
     .grows = true,
     .cost = "O(1); O(log n) with a priority or delay",
     .doc = "Puts an item; waits for room if the queue has a maxsize and is full. The item's "
            "place in the order is that of its arrival, also when it is delayed.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&put>},
    {.name = "put_many",
     .parameters = {Parameter{"items", ParamKind::list, kRequired, "At most maxsize values."},
                    kTimeout},
     .result = "null",
     .errors = {Errc::full, Errc::shut_down, Errc::value_error},
     .access = Access::write,
     .timed_out = TimedOut::full,
     .grows = true,
     .cost = "O(items)",
     .doc = "Puts all the items atomically, or none.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&put_many>},
    {.name = "get",
     .parameters = {kTimeout},
     .result = "any: the item",
     .errors = {Errc::empty, Errc::shut_down},
     .access = Access::write,
     .redelivers = true,
     .timed_out = TimedOut::empty,
     .delivers = true,
     .cost = "O(1)",
     .doc = "Takes the front item, or waits for one in FIFO order. In an opened session the "
            "item comes back to its place if the session ends before the reply is "
            "acknowledged.",
     .if_reply_lost = retry::kTaken,
     .handler = on<&get>},
    {.name = "get_many",
     .parameters = {Parameter{"max", ParamKind::integer, kRequired,
                              "Maximum number of items, at least 1."},
                    kTimeout},
     .result = "list of items, at least one",
     .errors = {Errc::empty, Errc::shut_down, Errc::value_error},
     .access = Access::write,
     .redelivers = true,
     .timed_out = TimedOut::empty,
     .delivers = true,
     .cost = "O(items)",
     .doc = "Takes up to max items, as many as fit in one reply, or waits for the first.",
     .if_reply_lost = retry::kTaken,
     .handler = on<&get_many>},
    {.name = "get_any",
     .parameters = {kQueueNames, kTimeout},
     .result = "{queue, item}",
     .errors = {Errc::empty, Errc::not_found, Errc::shut_down, Errc::value_error, Errc::wrong_type},
     .access = Access::write,
     .redelivers = true,
     .timed_out = TimedOut::empty,
     .is_static = true,
     .delivers = true,
     .cost = "O(names)",
     .doc = "Takes one item from the first of these queues that has one, in the order given, or "
            "waits in the line of each: first come, first served in each. The result has the "
            "name of the queue. Queues that are closed and drained are skipped; ShutDown if all "
            "are. If one that is waited at is deleted, NotFound names it, and nothing was taken. "
            "As with get, the item comes back in an opened session if the session ends before "
            "the reply is acknowledged.",
     .if_reply_lost = retry::kTaken,
     .handler = queue_get_any},
    {.name = "size",
     .result = "int",
     .cost = "O(1)",
     .doc = "Returns the number of ready items.",
     .if_reply_lost = retry::kRead,
     .handler = on<&size>},
    {.name = "empty",
     .result = "bool",
     .cost = "O(1)",
     .doc = "Returns whether no item is ready.",
     .if_reply_lost = retry::kRead,
     .handler = on<&empty>},
    {.name = "full",
     .result = "bool",
     .cost = "O(1)",
     .doc = "Returns whether a put would wait.",
     .if_reply_lost = retry::kRead,
     .handler = on<&full>},
    {.name = "peek",
     .result = "any: the item that get would take",
     .errors = {Errc::empty},
     .cost = "O(1)",
     .doc = "Returns the front item without taking it.",
     .if_reply_lost = retry::kRead,
     .handler = on<&peek>},
    {.name = "task_done",
     .result = "null",
     .errors = {Errc::value_error},
     .access = Access::write,
     .cost = "O(1)",
     .doc = "Reports that one item that was got is done. If the reply of its get was not "
            "acknowledged and the session ends, the item comes back and counts again for "
            "join.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&task_done>},
    {.name = "join",
     .parameters = {kTimeout},
     .result = "null",
     .errors = {Errc::timeout},
     .access = Access::read,
     .timed_out = TimedOut::timeout,
     .cost = "O(1)",
     .doc = "Waits until every item that was put is done. If a consumer dies between its get and "
            "its task_done, that item is never done and this waits for ever; items of reserve "
            "come back instead.",
     .if_reply_lost = retry::kRead,
     .handler = on<&join>},
    {.name = "clear",
     .result = "int: the number of items dropped",
     .access = Access::write,
     .cost = "O(1); the memory is freed incrementally",
     .doc = "Drops all ready and delayed items; they count as done for join.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&clear>},
    {.name = "close",
     .result = "null",
     .access = Access::write,
     .cost = "O(1 + waiters)",
     .doc = "Closes the queue: put fails with ShutDown from now on, and get once the queue is "
            "drained. Drained means that no item is ready or delayed, and that no session "
            "holds one that may come back.",
     .if_reply_lost = retry::kIdempotent,
     .handler = on<&close>},
    {.name = "reserve",
     .parameters = {kTimeout, kLease},
     .result = "{id, item, deliveries}",
     .errors = {Errc::empty, Errc::shut_down, Errc::value_error},
     .access = Access::write,
     .timed_out = TimedOut::empty,
     .delivers = true,
     .cost = "O(log items held)",
     .doc = "Reserves the front item for the session, to be acknowledged or requeued by its "
            "id. The item goes back to its place when the lease or the session ends, but to "
            "the dead-letter list after max_deliveries deliveries. deliveries counts how often "
            "it was delivered, this time included.",
     .if_reply_lost = retry::kGrant,
     .handler = on<&reserve>},
    {.name = "reserve_any",
     .parameters = {kQueueNames, kTimeout, kLease},
     .result = "{queue, id, item, deliveries}",
     .errors = {Errc::empty, Errc::not_found, Errc::shut_down, Errc::value_error, Errc::wrong_type},
     .access = Access::write,
     .timed_out = TimedOut::empty,
     .is_static = true,
     .delivers = true,
     .cost = "O(names + log items held)",
     .doc = "Reserves one item from the first of these queues that has one, in the order given, "
            "or waits as get_any does. The id belongs to the queue that the result names.",
     .if_reply_lost = retry::kGrant,
     .handler = queue_reserve_any},
    {.name = "acknowledge",
     .parameters = {kReservation},
     .result = "null",
     .errors = {Errc::not_found},
     .access = Access::write,
     .cost = "O(log items held)",
     .doc = "Completes the reserved item: it is dropped, and counts as task_done.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&acknowledge>},
    {.name = "requeue",
     .formerly = "return",
     .parameters = {kReservation,
                    Parameter{"delay", ParamKind::seconds, default_int(0),
                              "Seconds until the item is ready again."},
                    Parameter{"counts", ParamKind::boolean, default_bool(true),
                              "False: this delivery does not count towards max_deliveries."}},
     .result = "null",
     .errors = {Errc::not_found},
     .access = Access::write,
     .cost = "O(log n)",
     .doc = "Puts the reserved item back in its place, regardless of maxsize; after "
            "max_deliveries deliveries it goes to the dead-letter list.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&requeue>},
    {.name = "reject",
     .parameters = {kReservation, Parameter{"reason", ParamKind::text, default_text(""),
                                            "Text for dead_letters, at most 1,024 bytes."}},
     .result = "null",
     .errors = {Errc::not_found, Errc::value_error},
     .access = Access::write,
     .cost = "O(log items held)",
     .doc = "Moves the reserved item to the dead-letter list at once, for example because no "
            "worker can process it. It counts as done for join.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&reject>},
    {.name = "touch",
     .parameters = {kReservation},
     .result = "null",
     .errors = {Errc::not_found},
     .access = Access::write,
     .cost = "O(log items held)",
     .doc = "Renews the lease of the reserved item.",
     .if_reply_lost = retry::kIdempotent,
     .handler = on<&touch>},
    {.name = "dead_letters",
     .formerly = "dead",
     .parameters = {Parameter{"count", ParamKind::integer, default_int(1000),
                              "Maximum number of items, at least 1."}},
     .result = "[{item, deliveries, reason, since}], in the order in which they died",
     .errors = {Errc::too_large, Errc::value_error},
     .cost = "O(count)",
     .doc = "Returns the front of the dead-letter list: items that were rejected, with the "
            "reason given, or that came back after max_deliveries deliveries, with the reason "
            "\"max_deliveries\". They count as done for join. since is when the item died, in "
            "seconds since 1970.",
     .if_reply_lost = retry::kRead,
     .handler = on<&dead_letters>},
    {.name = "redrive",
     .formerly = "revive",
     .parameters = {Parameter{"count", ParamKind::integer, default_int(1),
                              "Maximum number of items, at least 1."}},
     .result = "int: the number of items put back",
     .errors = {Errc::value_error},
     .access = Access::write,
     .cost = "O(count log n)",
     .doc = "Moves items from the front of the dead-letter list back to their places, to be "
            "processed again, also in a closed queue. Their deliveries are counted from 0 again, "
            "and they are unfinished again for join.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&redrive>},
    {.name = "purge_dead_letters",
     .result = "int: the number of items dropped",
     .access = Access::write,
     .cost = "O(1); the memory is freed incrementally",
     .doc = "Drops all items of the dead-letter list.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&purge_dead_letters>},
};
static_assert(check_table(kMethods));

constexpr Parameter kOptions[] = {
    {"maxsize", ParamKind::integer, default_int(0),
     "Maximum of ready and delayed items; 0 or a negative number: no bound."},
    {"order", ParamKind::text, default_text("fifo"),
     "fifo: first in, first out; lifo: last in, first out; priority: lower numbers first, then by "
     "arrival."},
    {"max_deliveries", ParamKind::integer, default_int(16),
     "An item that comes back after so many deliveries goes to the dead-letter list, since it "
     "seems "
     "to kill its consumers; 0: no limit, at most 65,535."},
};

}  // namespace

const ObjectType& queue_type() {
  static constexpr ObjectType kType{
      .name = "queue",
      .doc = "Passes items from producers to consumers, each item to one.",
      .options = kOptions,
      .methods = kMethods,
      .create = create,
      .load = Queue::load};
  return kType;
}

}  // namespace agora
