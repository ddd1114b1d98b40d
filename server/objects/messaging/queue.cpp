// queue: items pass from producers to consumers: first in, first out, or last in first, or by
// priority. queue.Queue, LifoQueue, PriorityQueue, JoinableQueue; with reserve and acknowledge.
//
// Getters and putters are each served first come, first served; a put_many is one step and holds
// back those behind it. An item got on a plain connection is gone with its reply (at most once); in
// an opened session it comes back if the reply is never acknowledged. task_done and join count as
// in Python's Queue. close: puts get ShutDown at once, gets once the queue is drained.

#include <cmath>

#include "server/core/machine/call.hpp"
#include "server/core/methods/scalar.hpp"
#include "server/objects/messaging/queue_state.hpp"
#include "server/objects/retry_semantics.hpp"
#include "server/objects/types.hpp"
#include "shared/value/msgpack_reader.hpp"

namespace agora {
namespace {

Failure closed(const Call& call) {
  return call.fail_here(Errc::shut_down, call.what() + " is closed");
}

/// How the items of one call go in.
struct Entry {
  PackedView priority{std::string_view{"\0", 1}};  ///< a number at rest; 0
  Duration delay{};
};

/// Waits for room with the stored items in hand, which are the waiter's from then on.
Outcome wait_for_room(Call& call, Queue& queue, std::vector<Handle>& items, const Entry& entry) {
  return call.wait(queue.putters, 1, [&](Waiter& waiter) {
    waiter.items = std::move(items);
    items.clear();
    std::string key;
    Writer out{key};
    out.list(2);
    out.packed(entry.priority);
    out.integer(entry.delay.count());
    waiter.key = Packed{std::move(key)};
  });
}

Outcome put_items(Call& call, Queue& queue, const std::vector<PackedView>& views,
                  const Entry& entry) {
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
    Outcome outcome = wait_for_room(call, queue, items, entry);
    drop();
    return outcome;
  }
  const Priority priority = Priority::of(entry.priority);
  for (const Handle item : items) queue.put(call.object(), item, priority, entry.delay);
  if (!items.empty()) call.changed();
  return Progress::done;
}

Outcome put(Call& call, Queue& queue) {
  Entry entry;
  if (call.given(2)) entry.priority = call.arg(2);
  if (std::isnan(Priority::of(entry.priority).near)) {
    return call.fail_here(Errc::value_error, "priority must be a number, got NaN");
  }
  entry.delay = call.seconds(3).value_or(Duration{});
  return put_items(call, queue, {call.arg(0)}, entry);
}

Outcome put_many(Call& call, Queue& queue) {
  std::vector<PackedView> views;
  Reader reader{call.arg(0)};
  Token head;
  static_cast<void>(reader.next(head));
  for (std::uint32_t i = 0; i < head.count; ++i) views.push_back(reader.value());
  return put_items(call, queue, views, {});
}

/// Nothing is ready: waits as one who takes `count`, or as a reserver with its lease.
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
  const bool kept = call.hands_out();
  const QueueItem item = queue.take_front();
  call.reply_stored(item.value);
  queue.hand_over(call.caller(), kept, item);
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
  const bool kept = call.hands_out();
  const std::vector<QueueItem> items = queue.take_many(count);
  Writer out = call.reply();
  out.list(static_cast<std::uint32_t>(items.size()));
  for (const QueueItem& item : items) {
    out.packed(queue.view(item));
    queue.hand_over(call.caller(), kept, item);
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

/// What the first parameter names, if the calling session has it.
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
  return std::make_unique<Queue>(creation.machine, creation.id, order, maxsize);
}

constexpr Parameter kReservation{"id", ParamKind::integer, kRequired,
                                 "The reservation, from reserve; never given twice."};

constexpr Method kMethods[] = {
    {.name = "put",
     .parameters = {Parameter{"item", ParamKind::any, kRequired, "Any value."}, kTimeout,
                    Parameter{"priority", ParamKind::number, default_int(0),
                              "Lower goes first; counts only in a queue with order=priority."},
                    Parameter{"delay", ParamKind::seconds, default_int(0),
                              "Seconds until the item is ready, from when it is in the queue."}},
     .result = "null",
     .errors = {Errc::full, Errc::shut_down, Errc::value_error},
     .access = Access::write,
     .timed_out = TimedOut::full,
     .grows = true,
     .cost = "O(1); O(log n) with a priority or delay",
     .doc = "Puts an item in; waits for room if the queue has a maxsize and is full. Its place is "
            "that of its arrival, also when it is delayed.",
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
     .doc = "Puts all the items in, in one step, or none.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&put_many>},
    {.name = "get",
     .parameters = {kTimeout},
     .result = "any: the item",
     .errors = {Errc::empty, Errc::shut_down},
     .access = Access::write,
     .redelivers = true,
     .timed_out = TimedOut::empty,
     .hands_out = true,
     .cost = "O(1)",
     .doc =
         "Takes the front item, or waits for one, first come, first served. In an opened session "
         "it comes back to its place if the session ends before the reply is acknowledged.",
     .if_reply_lost = retry::kTaken,
     .handler = on<&get>},
    {.name = "get_many",
     .parameters = {Parameter{"max", ParamKind::integer, kRequired, "Items at most, at least 1."},
                    kTimeout},
     .result = "list of items, at least one",
     .errors = {Errc::empty, Errc::shut_down, Errc::value_error},
     .access = Access::write,
     .redelivers = true,
     .timed_out = TimedOut::empty,
     .hands_out = true,
     .cost = "O(items)",
     .doc = "Takes up to max items, as many as one reply holds, or waits for the first.",
     .if_reply_lost = retry::kTaken,
     .handler = on<&get_many>},
    {.name = "size",
     .result = "int",
     .cost = "O(1)",
     .doc = "How many items are ready.",
     .if_reply_lost = retry::kRead,
     .handler = on<&size>},
    {.name = "empty",
     .result = "bool",
     .cost = "O(1)",
     .doc = "Whether no item is ready.",
     .if_reply_lost = retry::kRead,
     .handler = on<&empty>},
    {.name = "full",
     .result = "bool",
     .cost = "O(1)",
     .doc = "Whether a put would have to wait.",
     .if_reply_lost = retry::kRead,
     .handler = on<&full>},
    {.name = "peek",
     .result = "any: the item that get would take",
     .errors = {Errc::empty},
     .cost = "O(1)",
     .doc = "Shows the front item and leaves it there.",
     .if_reply_lost = retry::kRead,
     .handler = on<&peek>},
    {.name = "task_done",
     .result = "null",
     .errors = {Errc::value_error},
     .access = Access::write,
     .cost = "O(1)",
     .doc = "Says that one item that was got is done. If its get was not acknowledged and the "
            "session ends, it comes back and counts again for join.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&task_done>},
    {.name = "join",
     .parameters = {kTimeout},
     .result = "null",
     .errors = {Errc::timeout},
     .access = Access::read,
     .timed_out = TimedOut::timeout,
     .cost = "O(1)",
     .doc = "Waits until every item that was put in is done.",
     .if_reply_lost = retry::kRead,
     .handler = on<&join>},
    {.name = "clear",
     .result = "int: how many items are gone",
     .access = Access::write,
     .cost = "O(1); the storage is freed in slices",
     .doc = "Drops all ready and delayed items; they count as done for join.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&clear>},
    {.name = "close",
     .result = "null",
     .access = Access::write,
     .cost = "O(1 + waiters)",
     .doc = "From now on put gives ShutDown, and get as well once the queue is drained: nothing is "
            "ready, delayed, or out with somebody who may still give it back.",
     .if_reply_lost = retry::kIdempotent,
     .handler = on<&close>},
    {.name = "reserve",
     .parameters = {kTimeout, Parameter{"lease", ParamKind::seconds, kNull,
                                        "Seconds until the item goes back unless touched; null: "
                                        "as long as the session."}},
     .result = "{id, item, deliveries}",
     .errors = {Errc::empty, Errc::shut_down, Errc::value_error},
     .access = Access::write,
     .timed_out = TimedOut::empty,
     .hands_out = true,
     .cost = "O(log items held)",
     .doc = "Takes the front item for the session, to be acknowledged by id or given back. It goes "
            "back to its place when the lease or the session ends, after its 16th delivery to the "
            "dead-letter list. deliveries says how often it was handed out, this time included.",
     .if_reply_lost = retry::kGrant,
     .handler = on<&reserve>},
    {.name = "acknowledge",
     .parameters = {kReservation},
     .result = "null",
     .errors = {Errc::not_found},
     .access = Access::write,
     .cost = "O(log items held)",
     .doc = "The reserved item is done: it is gone, and counts as task_done.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&acknowledge>},
    {.name = "requeue",
     .formerly = "return",
     .parameters = {kReservation, Parameter{"delay", ParamKind::seconds, default_int(0),
                                            "Seconds until it is ready again."}},
     .result = "null",
     .errors = {Errc::not_found},
     .access = Access::write,
     .cost = "O(log n)",
     .doc = "Gives the reserved item back to its place, maxsize or not; after its 16th delivery "
            "it goes to the dead-letter list.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&requeue>},
    {.name = "touch",
     .parameters = {kReservation},
     .result = "null",
     .errors = {Errc::not_found},
     .access = Access::write,
     .cost = "O(log items held)",
     .doc = "The lease of the reserved item begins anew.",
     .if_reply_lost = retry::kIdempotent,
     .handler = on<&touch>},
    {.name = "dead_letters",
     .formerly = "dead",
     .result = "list of items, in the order in which they came to be there",
     .errors = {Errc::too_large},
     .cost = "O(dead items)",
     .doc = "Shows the dead-letter list: items that came back after their 16th delivery. They "
            "count as done for join.",
     .if_reply_lost = retry::kRead,
     .handler = on<&dead>},
    {.name = "redrive",
     .formerly = "revive",
     .parameters = {Parameter{"count", ParamKind::integer, default_int(1),
                              "Items at most, at least 1."}},
     .result = "int: how many went back",
     .errors = {Errc::value_error},
     .access = Access::write,
     .cost = "O(count log n)",
     .doc = "Puts items from the front of the dead-letter list back at their places, to be done "
            "again; deliveries goes on, so each has one more chance.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&redrive>},
};
static_assert(check_table(kMethods));

constexpr Parameter kOptions[] = {
    {"maxsize", ParamKind::integer, default_int(0),
     "Ready and delayed items at most; 0: no bound."},
    {"order", ParamKind::text, default_text("fifo"),
     "fifo; lifo: the last in is first out; priority: lower numbers first, then by arrival."},
};

}  // namespace

const ObjectType& queue_type() {
  static constexpr ObjectType kType{.name = "queue",
                                    .doc = "Items pass from producers to consumers, each to one.",
                                    .options = kOptions,
                                    .methods = kMethods,
                                    .create = create,
                                    .load = Queue::load};
  return kType;
}

}  // namespace agora
