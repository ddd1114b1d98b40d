// SPDX-License-Identifier: MIT

// barrier: lets a number of parties wait until all have arrived. multiprocessing.Barrier.
//
// Each generation assigns the indices 0 to parties-1 once each, in the order of arrival. A party
// whose wait ends early (time-out, cancel, death) breaks the barrier: all waits get BrokenBarrier
// until reset.

#include "server/core/machine/call.hpp"
#include "server/core/machine/creation.hpp"
#include "server/core/methods/scalar.hpp"
#include "server/objects/retry_semantics.hpp"
#include "server/objects/types.hpp"
#include "shared/value/elements.hpp"

namespace agora {
namespace {

/// The outcome for all present waiters; `serve` sends the replies.
enum class Fate : std::uint8_t { waits, passes, breaks };

class Barrier : public State {
 public:
  void save(Writer& out) const override {
    out.list(3);
    out.unsigned_integer(parties);
    timeout ? out.real(seconds_of(*timeout)) : out.null();
    out.boolean(broken);
  }
  Outcome plain(Call&, Writer& out) const override {
    out.unsigned_integer(present());
    return Progress::done;
  }
  std::size_t size() const override { return present(); }
  void serve(Machine& machine, Object& object) override;
  void waiter_left(Machine& machine, Object& object, Waiter& waiter) override {
    if (fate != Fate::waits || broken) return;
    broken = true;
    decide(Fate::breaks);
    machine.changed(object, waiter.method);
  }
  std::function<void()> restorer(Machine&) override {
    return [this, before_broken = broken, before_fate = fate] {
      broken = before_broken;
      fate = before_fate;
    };
  }

  /// Returns the number of parties that have arrived in this generation.
  std::size_t present() const { return fate == Fate::waits ? waiting.size() : 0; }
  void decide(Fate outcome) {
    if (present() > 0) fate = outcome;
  }

  std::uint64_t parties = 1;
  std::optional<Duration> timeout;
  bool broken = false;
  Fate fate = Fate::waits;
  WaitQueue waiting;
};

void Barrier::serve(Machine& machine, Object& object) {
  for (std::uint64_t index = 0; fate != Fate::waits && !waiting.empty(); ++index) {
    if (fate == Fate::passes) {
      machine.reply(*waiting.front(), [index](Writer& out) { out.unsigned_integer(index); });
    } else {
      machine.refuse(*waiting.front(), Errc::broken_barrier,
                     "barrier " + object.name + " was broken while the call waited");
    }
  }
  fate = Fate::waits;
}

Outcome wait(Call& call, Barrier& barrier) {
  if (barrier.broken) {
    return call.fail_here(Errc::broken_barrier, call.what() + " is broken; barrier.reset mends it");
  }
  const std::uint64_t index = barrier.present();
  if (index + 1 == barrier.parties) {
    barrier.decide(Fate::passes);
    call.changed();
    call.reply().unsigned_integer(index);
    return Progress::done;
  }
  const auto own = call.seconds(0);
  const std::optional<Duration> span = own ? own : barrier.timeout;
  if (span && span->count() == 0) {
    barrier.broken = true;
    barrier.decide(Fate::breaks);
    call.changed();
  }
  return call.wait_for(barrier.waiting, span, [](Waiter& waiter) {
    waiter.drop_guard();  // the arrival is the effect of the call: the guard is not checked again
  });
}

Outcome reset(Call& call, Barrier& barrier) {
  if (barrier.broken || barrier.present() > 0) call.changed();
  barrier.broken = false;
  barrier.decide(Fate::breaks);
  return Progress::done;
}

Outcome abort(Call& call, Barrier& barrier) {
  if (!barrier.broken) call.changed();
  barrier.broken = true;
  barrier.decide(Fate::breaks);
  return Progress::done;
}

Outcome state(Call& call, Barrier& barrier) {
  Writer out = call.reply();
  out.map(3);
  out.text("parties"), out.unsigned_integer(barrier.parties);
  out.text("waiting"), out.unsigned_integer(barrier.present());
  out.text("broken"), out.boolean(barrier.broken);
  return Progress::done;
}

Expected<std::unique_ptr<State>> create(Creation& creation) {
  auto barrier = std::make_unique<Barrier>();
  const PackedView given = creation.arguments[0];
  if (!given.present()) {
    return fail(Errc::invalid_params, "argument parties is missing: how many wait for each other");
  }
  const Token parties = read(given);
  if (parties.negative || parties.natural < 1 || parties.natural > INT64_MAX) {
    return fail(Errc::value_error,
                "parties must be 1 to " + std::to_string(INT64_MAX) + ", got " + decimal(parties));
  }
  barrier->parties = parties.natural;
  const PackedView timeout = creation.options[0];
  if (timeout.present() && !timeout.is_null()) {
    const double most = creation.machine.limits().timeout_seconds_max;
    if (auto ok = check_seconds("timeout", timeout, most); !ok) return ok.failure();
    barrier->timeout = span_of(timeout);
  }
  return barrier;
}

Expected<std::unique_ptr<State>> load(Creation&, PackedView saved) {
  auto barrier = std::make_unique<Barrier>();
  Reader reader{saved};
  read(reader);
  barrier->parties = read(reader).natural;
  const PackedView timeout = reader.value();
  if (!timeout.is_null()) barrier->timeout = span_of(timeout);
  barrier->broken = read(reader).boolean;
  return barrier;
}

constexpr Method kMethods[] = {
    {.name = "wait",
     .parameters = {Parameter{
         "timeout", ParamKind::seconds, kNull,
         "Maximum seconds to wait, 0 does not wait; null: the barrier's timeout."}},
     .result = "int: 0 to parties-1, each once in a generation",
     .errors = {Errc::broken_barrier},
     .access = Access::write,
     .timed_out = TimedOut::broken,
     .cost = "O(1); O(parties) for the last one to arrive",
     .doc = "Waits until all parties wait. A wait that ends early, by time-out, cancel or the "
            "end of its session, breaks the barrier for all.",
     .if_reply_lost = "Without an opened session the index is lost with the reply; either all "
                      "parties passed or none.",
     .handler = on<&wait>},
    {.name = "reset",
     .result = "null",
     .access = Access::write,
     .cost = "O(1 + waiters)",
     .doc = "Empties and recovers the barrier; waiting calls get BrokenBarrier.",
     .if_reply_lost = "A retry breaks the waits that began since.",
     .handler = on<&reset>},
    {.name = "abort",
     .result = "null",
     .access = Access::write,
     .cost = "O(1 + waiters)",
     .doc = "Breaks the barrier: waiting and later calls get BrokenBarrier until reset.",
     .if_reply_lost = retry::kIdempotent,
     .handler = on<&abort>},
    {.name = "state",
     .result = "{parties, waiting, broken}",
     .cost = "O(1)",
     .doc =
         "Returns the number of parties, the number that wait, and whether the barrier is broken.",
     .if_reply_lost = retry::kRead,
     .handler = on<&state>},
};
static_assert(check_table(kMethods));

constexpr Parameter kArguments[] = {
    {"parties", ParamKind::integer, kRequired,
     "The number of parties that wait for each other, at least 1."},
};
constexpr Parameter kOptions[] = {
    {"timeout", ParamKind::seconds, kNull,
     "The timeout in seconds of a wait without one; null: no time-out."},
};

}  // namespace

const ObjectType& barrier_type() {
  static constexpr ObjectType kType{.name = "barrier",
                                    .doc = "Lets a number of parties wait until all have arrived.",
                                    .arguments = kArguments,
                                    .options = kOptions,
                                    .methods = kMethods,
                                    .create = create,
                                    .load = load};
  return kType;
}

}  // namespace agora
