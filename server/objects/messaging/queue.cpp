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
#include "server/core/methods/scalar.hpp"
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
    if (!lease) return;
    std::string key;
    Writer{key}.integer(lease->count());
    waiter.key = Packed{std::move(key)};
  });
}

Outcome get(Call& call, Queue& queue) {
  if (queue.ready().empty()) return wait_for_item(call, queue, 0, 0);
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
    return call.fail_here(Errc::value_error, "max must be 1 to " + std::to_string(most));
  }
  const auto count = static_cast<std::uint64_t>(max);
  if (queue.ready().empty()) return wait_for_item(call, queue, 1, count);
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
  const std::optional<Duration> lease = call.seconds(1);
  if (lease && lease->count() == 0) {
    return call.fail_here(Errc::value_error,
                          "lease must be more than 0 seconds, or null for as long as the session");
  }
  if (queue.ready().empty()) return wait_for_item(call, queue, 0, Queue::kReserves, lease);
  const Reservation made = queue.reserve(call.object(), call.session(), lease);
  Writer out = call.reply();
  write_reservation(out, made, queue.view(made.item));
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
  queue.requeue(call.object(), *id, call.seconds(1).value_or(Duration{}));
  call.changed();
  return Progress::done;
}

Outcome touch(Call& call, Queue& queue) {
  auto id = reserved_id(call, queue);
  if (!id) return id.failure();
  queue.touch(call.object(), *id);
  return Progress::done;
}

Outcome dead(Call& call, Queue& queue) {
  Writer out = call.reply();
  return queue.write_dead(out);
}

Outcome redrive(Call& call, Queue& queue) {
  const std::int64_t count = call.integer(0);
  if (count < 1) {
    return call.fail_here(Errc::value_error,
                          "count must be at least 1, got " + std::to_string(count));
  }
  const std::size_t redriven = queue.redrive(static_cast<std::uint64_t>(count));
  if (redriven > 0) call.changed();
  call.reply().unsigned_integer(redriven);
  return Progress::done;
}

Expected<std::unique_ptr<State>> create(Creation& creation) {
  std::size_t maxsize = 0;
  if (creation.options[0].present()) {
    const Token token = read(creation.options[0]);
    // As in Python, a negative maxsize means no bound.
    maxsize = token.negative ? 0 : static_cast<std::size_t>(token.natural);
  }
  auto order = QueueOrder::fifo;
  if (creation.options[1].present()) {
    const std::string_view text = read(creation.options[1]).body;
    if (text != "fifo" && text != "lifo" && text != "priority") {
      return fail(Errc::value_error, "order must be \"fifo\", \"lifo\" or \"priority\", got \"" +
                                         std::string{text.substr(0, 40)} + "\"");
    }
    order = text == "lifo"   ? QueueOrder::lifo
            : text == "fifo" ? QueueOrder::fifo
                             : QueueOrder::priority;
  }
  auto queue = std::make_unique<Queue>(creation.machine, creation.id, order, maxsize);
  queue->continue_ids(creation.version - 1);
  return queue;
}

constexpr Parameter kReservation{"id", ParamKind::integer, kRequired,
                                 "The reservation, from reserve; ids are never reused."};

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
     .doc = "Waits until every item that was put is done.",
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
     .parameters =
         {kTimeout,
          Parameter{
              "lease", ParamKind::seconds, kNull,
              "Seconds until the item goes back unless the lease is renewed by touch; null: as "
              "long as the session."}},
     .result = "{id, item, deliveries}",
     .errors = {Errc::empty, Errc::shut_down, Errc::value_error},
     .access = Access::write,
     .timed_out = TimedOut::empty,
     .delivers = true,
     .cost = "O(log items held)",
     .doc = "Reserves the front item for the session, to be acknowledged or requeued by its "
            "id. The item goes back to its place when the lease or the session ends, after "
            "its 16th delivery to the dead-letter list. deliveries counts how often it was "
            "delivered, this time included.",
     .if_reply_lost = retry::kGrant,
     .handler = on<&reserve>},
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
     .parameters = {kReservation, Parameter{"delay", ParamKind::seconds, default_int(0),
                                            "Seconds until the item is ready again."}},
     .result = "null",
     .errors = {Errc::not_found},
     .access = Access::write,
     .cost = "O(log n)",
     .doc = "Puts the reserved item back in its place, regardless of maxsize; after its 16th "
            "delivery it goes to the dead-letter list.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&requeue>},
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
     .result = "list of items, in the order in which they died",
     .errors = {Errc::too_large},
     .cost = "O(dead items)",
     .doc = "Returns the dead-letter list: items that came back after their 16th delivery. "
            "They count as done for join.",
     .if_reply_lost = retry::kRead,
     .handler = on<&dead>},
    {.name = "redrive",
     .formerly = "revive",
     .parameters = {Parameter{"count", ParamKind::integer, default_int(1),
                              "Maximum number of items, at least 1."}},
     .result = "int: the number of items put back",
     .errors = {Errc::value_error},
     .access = Access::write,
     .cost = "O(count log n)",
     .doc = "Moves items from the front of the dead-letter list back to their places, to be "
            "processed again. Their delivery counts are kept, so each has one more chance.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&redrive>},
};
static_assert(check_table(kMethods));

constexpr Parameter kOptions[] = {
    {"maxsize", ParamKind::integer, default_int(0),
     "Maximum of ready and delayed items; 0: no bound."},
    {"order", ParamKind::text, default_text("fifo"),
     "fifo: first in, first out; lifo: last in, first out; priority: lower numbers first, then by "
     "arrival."},
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
