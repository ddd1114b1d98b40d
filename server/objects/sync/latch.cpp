// SPDX-License-Identifier: MIT

// latch: a count that only decreases; at zero it is open for good. std::latch.
//
// It has no owner: the end of a session does not change it.

#include "server/core/machine/call.hpp"
#include "server/core/methods/scalar.hpp"
#include "server/objects/retry_semantics.hpp"
#include "server/objects/types.hpp"

namespace agora {
namespace {

class Latch : public State {
 public:
  void save(Writer& out) const override { out.unsigned_integer(count); }
  Outcome plain(Call&, Writer& out) const override {
    out.unsigned_integer(count);
    return Progress::done;
  }
  void serve(Machine& machine, Object&) override {
    if (count != 0) return;
    while (Waiter* next = machine.next_in(waiting)) {
      machine.reply(*next, [](Writer& out) { out.boolean(true); });
    }
  }
  std::function<void()> restorer(Machine&) override {
    return [this, before = count] { count = before; };
  }

  std::uint64_t count = 0;
  WaitQueue waiting;
};

Outcome count_down(Call& call, Latch& latch) {
  const std::int64_t n = call.integer(0);
  if (n < 1) {
    return call.fail_here(Errc::value_error, "n must be at least 1, got " + std::to_string(n));
  }
  if (static_cast<std::uint64_t>(n) > latch.count) {
    return call.fail_here(Errc::value_error, call.what() + " stands at " +
                                                 std::to_string(latch.count) + " and cannot go " +
                                                 std::to_string(n) + " down");
  }
  latch.count -= static_cast<std::uint64_t>(n);
  call.changed();
  return Progress::done;
}

Outcome wait(Call& call, Latch& latch) {
  if (latch.count > 0) return call.wait(latch.waiting, 0);
  call.reply().boolean(true);
  return Progress::done;
}

Outcome count(Call& call, Latch& latch) {
  call.reply().unsigned_integer(latch.count);
  return Progress::done;
}

Expected<std::unique_ptr<State>> create(Creation& creation) {
  auto latch = std::make_unique<Latch>();
  const PackedView given = creation.arguments[0];
  if (!given.present()) {
    return fail(Errc::invalid_params, "argument count is missing: from where it counts down");
  }
  const Token count = read(given);
  if (count.negative || count.natural > INT64_MAX) {
    return fail(Errc::value_error,
                "count must be 0 to " + std::to_string(INT64_MAX) + ", got " + decimal(count));
  }
  latch->count = count.natural;
  return latch;
}

Expected<std::unique_ptr<State>> load(Creation&, PackedView saved) {
  auto latch = std::make_unique<Latch>();
  latch->count = read(saved).natural;
  return latch;
}

constexpr Method kMethods[] = {
    {.name = "count_down",
     .parameters = {Parameter{"n", ParamKind::integer, default_int(1),
                              "The decrement, at least 1 and at most the count."}},
     .result = "null",
     .errors = {Errc::value_error},
     .access = Access::write,
     .cost = "O(1); O(waiters) when the count reaches zero",
     .doc = "Decrements the count; at zero all waiting calls return.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&count_down>},
    {.name = "wait",
     .parameters = {kTimeout},
     .result = "bool: false if the time-out came first",
     .access = Access::read,
     .timed_out = TimedOut::no,
     .cost = "O(1)",
     .doc = "Waits until the count is zero.",
     .if_reply_lost = retry::kRead,
     .handler = on<&wait>},
    {.name = "count",
     .result = "int",
     .cost = "O(1)",
     .doc = "Returns the remaining count.",
     .if_reply_lost = retry::kRead,
     .handler = on<&count>},
};
static_assert(check_table(kMethods));

constexpr Parameter kArguments[] = {
    {"count", ParamKind::integer, kRequired, "The initial count, at least 0."},
};

}  // namespace

const ObjectType& latch_type() {
  static constexpr ObjectType kType{
      .name = "latch",
      .doc = "A count that only decreases; at zero waiting calls return.",
      .arguments = kArguments,
      .methods = kMethods,
      .create = create,
      .load = load};
  return kType;
}

}  // namespace agora
