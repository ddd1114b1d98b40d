// SPDX-License-Identifier: MIT

// event: a flag that processes can wait for. multiprocessing.Event.
//
// set wakes all waits and lets later waits pass until clear. It has no owner: the end of a session
// does not change it.

#include "server/core/machine/call.hpp"
#include "server/objects/retry_semantics.hpp"
#include "server/objects/types.hpp"
#include "shared/value/msgpack_reader.hpp"

namespace agora {
namespace {

class Event : public State {
 public:
  void save(Writer& out) const override { out.boolean(is_set); }
  Outcome plain(Call&, Writer& out) const override {
    out.boolean(is_set);
    return Progress::done;
  }
  void serve(Machine& machine, Object&) override {
    if (!is_set) return;
    while (Waiter* next = machine.next_in(waiting)) {
      machine.reply(*next, [](Writer& out) { out.boolean(true); });
    }
  }
  std::function<void()> restorer(Machine&) override {
    return [this, before = is_set] { is_set = before; };
  }

  std::uint64_t size_or_flag() const override { return is_set ? 1 : 0; }

  bool is_set = false;
  WaitQueue waiting;
};

Outcome set(Call& call, Event& event) {
  if (!event.is_set) call.changed();
  event.is_set = true;
  return Progress::done;
}

Outcome clear(Call& call, Event& event) {
  if (event.is_set) call.changed();
  event.is_set = false;
  return Progress::done;
}

Outcome is_set(Call& call, Event& event) {
  call.reply().boolean(event.is_set);
  return Progress::done;
}

Outcome wait(Call& call, Event& event) {
  if (!event.is_set) return call.wait(event.waiting, 0);
  call.reply().boolean(true);
  return Progress::done;
}

Expected<std::unique_ptr<State>> create(Creation&) { return std::make_unique<Event>(); }

Expected<std::unique_ptr<State>> load(Creation&, PackedView saved) {
  auto event = std::make_unique<Event>();
  event->is_set = saved.bytes() == "\xc3";
  return event;
}

constexpr Method kMethods[] = {
    {.name = "set",
     .result = "null",
     .access = Access::write,
     .cost = "O(1 + waiters)",
     .doc = "Sets the flag and wakes all waits.",
     .if_reply_lost = retry::kIdempotent,
     .handler = on<&set>},
    {.name = "clear",
     .result = "null",
     .access = Access::write,
     .cost = "O(1)",
     .doc = "Clears the flag; later waits wait again.",
     .if_reply_lost = retry::kIdempotent,
     .handler = on<&clear>},
    {.name = "is_set",
     .result = "bool",
     .cost = "O(1)",
     .doc = "Returns whether the flag is set.",
     .if_reply_lost = retry::kRead,
     .handler = on<&is_set>},
    {.name = "wait",
     .parameters = {kTimeout},
     .result = "bool: false if the time-out came first",
     .access = Access::read,
     .timed_out = TimedOut::no,
     .cost = "O(1)",
     .doc = "Waits until the flag is set.",
     .if_reply_lost = retry::kRead,
     .handler = on<&wait>},
};
static_assert(check_table(kMethods));

}  // namespace

const ObjectType& event_type() {
  static constexpr ObjectType kType{.name = "event",
                                    .doc = "A flag that processes can wait for.",
                                    .methods = kMethods,
                                    .create = create,
                                    .load = load};
  return kType;
}

}  // namespace agora
