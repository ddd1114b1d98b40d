// SPDX-License-Identifier: MIT

// counter: an atomic counter with waits for a value.
//
// It has no owner: the end of a session does not change it.

#include <map>

#include "server/core/machine/call.hpp"
#include "server/core/methods/scalar.hpp"
#include "server/objects/retry_semantics.hpp"
#include "server/objects/types.hpp"

namespace agora {
namespace {

class Counter : public State {
 public:
  void save(Writer& out) const override { out.integer(value); }
  Outcome plain(Call&, Writer& out) const override {
    out.integer(value);
    return Progress::done;
  }
  void serve(Machine& machine, Object&) override {
    while (!waiting.empty() && waiting.begin()->first <= value) {
      auto node = waiting.extract(waiting.begin());
      while (Waiter* next = machine.next_in(node.mapped())) {
        machine.reply(*next, [this](Writer& out) { out.integer(value); });
      }
    }
  }
  void waiter_left(Machine&, Object&, Waiter& waiter) override {
    const auto queue = waiting.find(static_cast<std::int64_t>(waiter.count));
    if (queue != waiting.end() && queue->second.empty()) waiting.erase(queue);
  }
  std::function<void()> restorer(Machine&) override {
    return [this, before = value] { value = before; };
  }

  std::int64_t value = 0;
  /// By the value that they wait for, so that an add does not visit waiters that must go on
  /// waiting.
  std::map<std::int64_t, WaitQueue> waiting;
};

/// Adds the call's n, of int64 or uint64, to the value. Returns false if the sum is outside int64.
bool sum_of(std::int64_t value, const Call& call, std::int64_t& sum) {
  const Token n = call.given(0) ? read(call.arg(0)) : Token{};
  if (!n.negative && n.natural > INT64_MAX) return !__builtin_add_overflow(value, n.natural, &sum);
  return !__builtin_add_overflow(value, call.integer(0), &sum);
}

Outcome add(Call& call, Counter& counter) {
  std::int64_t sum = 0;
  if (!sum_of(counter.value, call, sum)) {
    return call.fail_here(Errc::value_error, call.what() + " stands at " +
                                                 std::to_string(counter.value) + "; with " +
                                                 call.decimal(0) + " it would leave the range " +
                                                 "of an int of 64 bits");
  }
  if (sum != counter.value) call.changed();
  counter.value = sum;
  call.reply().integer(sum);
  return Progress::done;
}

Outcome get(Call& call, Counter& counter) {
  call.reply().integer(counter.value);
  return Progress::done;
}

Outcome wait_at_least(Call& call, Counter& counter) {
  const std::int64_t n = call.integer(0);
  if (n > counter.value) {
    if (const auto span = call.seconds(1); span && span->count() == 0) return call.no_wait();
    WaitQueue& queue = counter.waiting[n];
    Outcome outcome =
        call.wait(queue, 1, [n](Waiter& waiter) { waiter.count = static_cast<std::uint64_t>(n); });
    if (queue.empty()) counter.waiting.erase(n);  // the call does not wait
    return outcome;
  }
  call.reply().integer(counter.value);
  return Progress::done;
}

Expected<std::unique_ptr<State>> create(Creation& creation) {
  auto counter = std::make_unique<Counter>();
  if (const PackedView given = creation.arguments[0]; given.present()) {
    const Token initial = read(given);
    if (!initial.negative && initial.natural > INT64_MAX) {
      return fail(Errc::value_error, "initial must be an int of 64 bits, at most " +
                                         std::to_string(INT64_MAX) + ", got " + decimal(initial));
    }
    counter->value = initial.integer;
  }
  return counter;
}

Expected<std::unique_ptr<State>> load(Creation&, PackedView saved) {
  auto counter = std::make_unique<Counter>();
  counter->value = read(saved).integer;
  return counter;
}

constexpr Method kMethods[] = {
    {.name = "add",
     .parameters = {Parameter{"n", ParamKind::integer, default_int(1),
                              "The amount; may be negative.", kBeyondInt64}},
     .result = "int: the new value",
     .errors = {Errc::value_error},
     .access = Access::write,
     .cost = "O(1 + waiters served)",
     .doc = "Adds n and returns the sum. Fails with ValueError if the sum overflows an int of 64 "
            "bits.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&add>},
    {.name = "get",
     .result = "int",
     .cost = "O(1)",
     .doc = "Returns the value.",
     .if_reply_lost = retry::kRead,
     .handler = on<&get>},
    {.name = "wait_at_least",
     .parameters = {Parameter{"n", ParamKind::integer, kRequired, "The value to wait for."},
                    kTimeout},
     .result = "int: the value, n or more",
     .errors = {Errc::timeout},
     .access = Access::read,
     .timed_out = TimedOut::timeout,
     .cost = "O(log n) in the distinct values waited for",
     .doc = "Waits until the counter is at least n.",
     .if_reply_lost = retry::kRead,
     .handler = on<&wait_at_least>},
};
static_assert(check_table(kMethods));

constexpr Parameter kArguments[] = {
    {"initial", ParamKind::integer, default_int(0), "The initial value; may be negative."},
};

}  // namespace

const ObjectType& counter_type() {
  static constexpr ObjectType kType{.name = "counter",
                                    .doc = "An atomic counter with waits for a value.",
                                    .arguments = kArguments,
                                    .methods = kMethods,
                                    .create = create,
                                    .load = load};
  return kType;
}

}  // namespace agora
