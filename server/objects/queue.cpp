// queue: items pass from producers to consumers, first in, first out. queue.Queue, JoinableQueue.
//
// Getters and putters are each served first come, first served; a put_many is one step. With
// maxsize > 0 a put waits for room. An item got on a plain connection is gone with its reply (at
// most once). task_done and join count as in Python's Queue: every put adds one to be done.
// close: puts get ShutDown at once, gets once the queue is drained.

#include <deque>

#include "server/core/call.hpp"
#include "server/objects/lost_replies.hpp"
#include "server/objects/types.hpp"
#include "shared/value/msgpack_reader.hpp"

namespace agora {
namespace {

class Queue : public State {
 public:
  explicit Queue(Machine& machine) : machine_(machine) {}
  void save(Writer& out) const override;
  Outcome plain(Call& call, Writer& out) const override;
  std::size_t size() const override { return items.size(); }
  std::size_t bytes() const override { return item_bytes; }
  bool release_some(Machine& machine, std::size_t elements) override;
  void serve(Machine& machine, Object& object) override;

  bool has_room(std::size_t more) const { return maxsize == 0 || items.size() + more <= maxsize; }
  void push(Handle item) {
    items.push_back(item);
    item_bytes += machine_.values().view(item).size();
    ++unfinished;
  }
  Handle pop() {
    const Handle item = items.front();
    items.pop_front();
    item_bytes -= machine_.values().view(item).size();
    return item;
  }

  std::size_t maxsize = 0;  ///< items; 0: no bound
  bool closed = false;
  std::uint64_t unfinished = 0;
  std::deque<Handle> items;
  std::size_t item_bytes = 0;
  WaitQueue getters;
  WaitQueue putters;
  WaitQueue joiners;

 private:
  Machine& machine_;
};

void Queue::save(Writer& out) const {
  out.list(4);
  out.unsigned_integer(maxsize);
  out.boolean(closed);
  out.unsigned_integer(unfinished);
  out.list(static_cast<std::uint32_t>(items.size()));
  for (const Handle item : items) out.packed(machine_.values().view(item));
}

Outcome Queue::plain(Call& call, Writer& out) const {
  if (auto ok = call.machine().check_work(items.size(), item_bytes, "get_many"); !ok) {
    return ok.failure();
  }
  out.list(static_cast<std::uint32_t>(items.size()));
  for (const Handle item : items) out.packed(machine_.values().view(item));
  return Progress::done;
}

bool Queue::release_some(Machine& machine, std::size_t elements) {
  for (; elements > 0 && !items.empty(); --elements) {
    machine.drop(items.front());
    items.pop_front();
  }
  return items.empty();
}

/// Answers a getter with one item, or with a list for get_many.
void hand_out(Machine& machine, Queue& queue, Waiter& getter) {
  if (getter.count == 0) {
    const Handle item = queue.pop();
    machine.answer_stored(getter, item);
    return machine.drop(item);
  }
  std::vector<Handle> items;
  while (items.size() < getter.count && !queue.items.empty()) items.push_back(queue.pop());
  machine.answer(getter, [&](Writer& out) {
    out.list(static_cast<std::uint32_t>(items.size()));
    for (const Handle item : items) out.packed(machine.values().view(item));
  });
  for (const Handle item : items) machine.drop(item);
}

void let_in(Machine& machine, Queue& queue, Waiter& putter) {
  for (const Handle item : putter.items) queue.push(item);
  putter.items.clear();
  machine.changed(*putter.object, putter.method);
  machine.answer_null(putter);
}

void refuse_all(Machine& machine, WaitQueue& waiting) {
  while (Waiter* waiter = waiting.front()) {
    machine.refuse(*waiter, Errc::shut_down, "queue " + waiter->object->name + " is closed");
  }
}

void Queue::serve(Machine& machine, Object& object) {
  if (closed) refuse_all(machine, putters);
  for (bool moved = true; moved;) {
    moved = false;
    while (!getters.empty() && !items.empty()) {
      machine.changed(object, getters.front()->method);
      hand_out(machine, *this, *getters.front());
      moved = true;
    }
    while (!putters.empty() && has_room(putters.front()->items.size())) {
      let_in(machine, *this, *putters.front());
      moved = true;
    }
  }
  if (closed && items.empty()) refuse_all(machine, getters);
  while (unfinished == 0 && !joiners.empty()) machine.answer_null(*joiners.front());
}

Failure closed(const Call& call) {
  return call.fail_here(Errc::shut_down, call.what() + " is closed");
}

Outcome put_items(Call& call, Queue& queue, std::vector<PackedView> views, std::size_t timeout) {
  if (queue.closed) return closed(call);
  if (queue.maxsize != 0 && views.size() > queue.maxsize) {
    return call.fail_here(Errc::value_error, std::to_string(views.size()) + " items never fit " +
                                                 call.what() + " with maxsize " +
                                                 std::to_string(queue.maxsize));
  }
  std::vector<Handle> items;
  const auto undo = [&] {
    for (const Handle item : items) call.machine().drop(item);
  };
  for (const PackedView view : views) {
    auto stored = call.machine().store(view);
    if (!stored) {
      undo();
      return stored.failure();
    }
    items.push_back(*stored);
  }
  if (!queue.putters.empty() || !queue.has_room(items.size())) {
    Outcome outcome = call.wait(queue.putters, timeout, [&](Waiter& waiter) {
      waiter.items = std::move(items);
      items.clear();
    });
    undo();
    return outcome;
  }
  for (const Handle item : items) queue.push(item);
  if (!items.empty()) call.changed();
  return Progress::done;
}

Outcome put(Call& call, Queue& queue) { return put_items(call, queue, {call.arg(0)}, 1); }

Outcome put_many(Call& call, Queue& queue) {
  std::vector<PackedView> views;
  Reader reader{call.arg(0)};
  Token head;
  static_cast<void>(reader.next(head));
  for (std::uint32_t i = 0; i < head.count; ++i) views.push_back(reader.value());
  return put_items(call, queue, std::move(views), 1);
}

Outcome get(Call& call, Queue& queue) {
  if (queue.items.empty()) {
    return queue.closed ? Outcome{closed(call)} : call.wait(queue.getters, 0);
  }
  const Handle item = queue.pop();
  call.reply_stored(item);
  call.machine().drop(item);
  call.changed();
  return Progress::done;
}

Outcome get_many(Call& call, Queue& queue) {
  const std::int64_t max = call.integer(0);
  const auto most = static_cast<std::int64_t>(call.machine().limits().work_elements_max);
  if (max < 1 || max > most) {
    return call.fail_here(Errc::value_error, "max must be 1 to " + std::to_string(most));
  }
  const auto number = static_cast<std::uint64_t>(max);
  if (queue.items.empty()) {
    if (queue.closed) return closed(call);
    return call.wait(queue.getters, 1, [&](Waiter& waiter) { waiter.count = number; });
  }
  const auto count = std::min<std::size_t>(number, queue.items.size());
  Writer out = call.reply();
  out.list(static_cast<std::uint32_t>(count));
  for (std::size_t i = 0; i < count; ++i) {
    const Handle item = queue.pop();
    out.packed(call.machine().values().view(item));
    call.machine().drop(item);
  }
  call.changed();
  return Progress::done;
}

Outcome size(Call& call, Queue& queue) {
  call.reply().unsigned_integer(queue.items.size());
  return Progress::done;
}

Outcome empty(Call& call, Queue& queue) {
  call.reply().boolean(queue.items.empty());
  return Progress::done;
}

Outcome full(Call& call, Queue& queue) {
  call.reply().boolean(!queue.has_room(1));
  return Progress::done;
}

Outcome peek(Call& call, Queue& queue) {
  if (queue.items.empty()) return call.fail_here(Errc::empty, call.what() + " is empty");
  call.reply_stored(queue.items.front());
  return Progress::done;
}

Outcome task_done(Call& call, Queue& queue) {
  if (queue.unfinished == 0) {
    return call.fail_here(Errc::value_error,
                          "task_done was called more often than items were put in " + call.what());
  }
  --queue.unfinished;
  call.changed();
  return Progress::done;
}

Outcome join(Call& call, Queue& queue) {
  return queue.unfinished == 0 ? Outcome{Progress::done} : call.wait(queue.joiners, 0);
}

Outcome clear(Call& call, Queue& queue) {
  const std::size_t count = queue.items.size();
  auto content = std::make_unique<Queue>(call.machine());
  content->items.swap(queue.items);
  queue.item_bytes = 0;
  queue.unfinished -= std::min<std::uint64_t>(queue.unfinished, count);
  call.machine().give_back_later(std::move(content));
  if (count > 0) call.changed();
  call.reply().unsigned_integer(count);
  return Progress::done;
}

Outcome close(Call& call, Queue& queue) {
  if (!queue.closed) call.changed();
  queue.closed = true;
  return Progress::done;
}

Expected<std::unique_ptr<State>> create(Creation& creation) {
  auto queue = std::make_unique<Queue>(creation.machine);
  Token token;
  if (creation.options[0].present()) {
    Reader reader{creation.options[0]};
    static_cast<void>(reader.next(token));
    // As in Python, a negative maxsize means no bound.
    queue->maxsize = token.negative ? 0 : static_cast<std::size_t>(token.natural);
  }
  return queue;
}

Expected<std::unique_ptr<State>> load(Creation& creation, PackedView saved) {
  auto queue = std::make_unique<Queue>(creation.machine);
  Reader reader{saved};
  Token token;
  static_cast<void>(reader.next(token));
  static_cast<void>(reader.next(token));
  queue->maxsize = static_cast<std::size_t>(token.natural);
  static_cast<void>(reader.next(token));
  queue->closed = token.boolean;
  static_cast<void>(reader.next(token));
  const std::uint64_t unfinished = token.natural;
  static_cast<void>(reader.next(token));
  for (std::uint32_t left = token.count; left > 0; --left) {
    auto item = creation.machine.store(reader.value());
    if (!item) return item.failure();
    queue->push(*item);
  }
  queue->unfinished = unfinished;
  return queue;
}

constexpr Method kMethods[] = {
    {.name = "put",
     .parameters = {Parameter{"item", ParamKind::any, kRequired, "Any value."}, kTimeout},
     .result = "null",
     .errors = {Errc::full, Errc::shut_down},
     .access = Access::write,
     .timed_out = TimedOut::full,
     .grows = true,
     .cost = "O(1)",
     .doc = "Puts an item in; waits for room if the queue has a maxsize and is full.",
     .lost = lost::kOnce,
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
     .lost = lost::kOnce,
     .handler = on<&put_many>},
    {.name = "get",
     .parameters = {kTimeout},
     .result = "any: the item",
     .errors = {Errc::empty, Errc::shut_down},
     .access = Access::write,
     .timed_out = TimedOut::empty,
     .cost = "O(1)",
     .doc = "Takes the oldest item, or waits for one, first come, first served.",
     .lost = lost::kTaken,
     .handler = on<&get>},
    {.name = "get_many",
     .parameters = {Parameter{"max", ParamKind::integer, kRequired, "Items at most, at least 1."},
                    kTimeout},
     .result = "list of items, at least one",
     .errors = {Errc::empty, Errc::shut_down, Errc::value_error},
     .access = Access::write,
     .timed_out = TimedOut::empty,
     .cost = "O(items)",
     .doc = "Takes up to max items, or waits for the first.",
     .lost = lost::kTaken,
     .handler = on<&get_many>},
    {.name = "size",
     .result = "int",
     .cost = "O(1)",
     .doc = "How many items are ready.",
     .lost = lost::kRead,
     .handler = on<&size>},
    {.name = "empty",
     .result = "bool",
     .cost = "O(1)",
     .doc = "Whether no item is ready.",
     .lost = lost::kRead,
     .handler = on<&empty>},
    {.name = "full",
     .result = "bool",
     .cost = "O(1)",
     .doc = "Whether a put would have to wait.",
     .lost = lost::kRead,
     .handler = on<&full>},
    {.name = "peek",
     .result = "any: the item that get would take",
     .errors = {Errc::empty},
     .cost = "O(1)",
     .doc = "Shows the oldest item and leaves it there.",
     .lost = lost::kRead,
     .handler = on<&peek>},
    {.name = "task_done",
     .result = "null",
     .errors = {Errc::value_error},
     .access = Access::write,
     .cost = "O(1)",
     .doc = "Says that one item that was got is done.",
     .lost = lost::kOnce,
     .handler = on<&task_done>},
    {.name = "join",
     .parameters = {kTimeout},
     .result = "null",
     .errors = {Errc::timeout},
     .access = Access::read,
     .timed_out = TimedOut::timeout,
     .cost = "O(1)",
     .doc = "Waits until every item that was put in is done.",
     .lost = lost::kRead,
     .handler = on<&join>},
    {.name = "clear",
     .result = "int: how many items are gone",
     .access = Access::write,
     .cost = "O(1); the storage is freed in slices",
     .doc = "Drops all ready items; they count as done for join.",
     .lost = lost::kOnce,
     .handler = on<&clear>},
    {.name = "close",
     .result = "null",
     .access = Access::write,
     .cost = "O(1 + waiters)",
     .doc = "From now on put gives ShutDown, and get as well once the queue is drained.",
     .lost = lost::kIdempotent,
     .handler = on<&close>},
};
static_assert(check_table(kMethods));

constexpr Parameter kOptions[] = {
    {"maxsize", ParamKind::integer, default_int(0), "Items at most; 0: no bound."},
};

}  // namespace

const ObjectType& queue_type() {
  static constexpr ObjectType kType{
      .name = "queue",
      .doc = "Items pass from producers to consumers, first in, first out.",
      .options = kOptions,
      .methods = kMethods,
      .create = create,
      .load = load};
  return kType;
}

}  // namespace agora
