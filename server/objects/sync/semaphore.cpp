// SPDX-License-Identifier: MIT

// semaphore: a counting semaphore. multiprocessing.Semaphore and BoundedSemaphore.
//
// Granted in FIFO order: a waiter for n permits blocks the waiters behind it. With owned=true a
// session's permits are released once when it ends: the number that it acquired less the number
// that it released. Any session may release; that adds permits but takes nothing from what other
// sessions hold. With owned=false, for a semaphore used as a signal, nothing is released.

#include <algorithm>
#include <cstdint>
#include <map>

#include "server/core/machine/call.hpp"
#include "server/core/methods/scalar.hpp"
#include "server/objects/retry_semantics.hpp"
#include "server/objects/types.hpp"
#include "shared/value/elements.hpp"

namespace agora {
namespace {

constexpr std::uint64_t kMost = INT64_MAX;

struct Holding {
  std::uint64_t permits = 0;
  Instant since{};
};

struct Content {
  std::uint64_t value = 1;  // free permits
  std::map<SessionId, Holding> held;
};

class Semaphore : public Lockable {
 public:
  void save(Writer& out) const override {
    // Held permits end with their sessions: after a load they are free.
    std::uint64_t all = content.value;
    for (const auto& [session, holding] : content.held) all = sum(all, holding.permits);
    out.list(3);
    out.unsigned_integer(all);
    bound == kMost ? out.null() : out.unsigned_integer(bound);
    out.boolean(owned);
  }
  Outcome plain(Call&, Writer& out) const override {
    out.unsigned_integer(content.value);
    return Progress::done;
  }
  void serve(Machine& machine, Object& object) override {
    for (Waiter* next = machine.next_in(waiting); next != nullptr && next->count <= content.value;
         next = machine.next_in(waiting)) {
      machine.changed(object, next->method);
      take(machine, next->session, next->count);
      machine.reply(*next, [](Writer& out) { out.boolean(true); });
    }
  }
  void session_ended(Machine& machine, Object& object, SessionId session) override {
    const auto holding = content.held.find(session);
    if (holding == content.held.end()) return;
    content.value = sum(content.value, holding->second.permits);
    content.held.erase(holding);
    machine.changed(object, {});
  }
  std::function<void()> restorer(Machine& machine) override {
    return [this, &machine, before = content] {
      for (const auto& [session, held] : content.held) machine.sessions().returned(session, id);
      content = before;
      for (const auto& [session, held] : content.held) machine.sessions().granted(session, id);
    };
  }
  Lockable* as_lock() override { return owned ? this : nullptr; }
  void holders(std::vector<Holder>& out) const override {
    for (const auto& [session, holding] : content.held) {
      out.push_back({session, {}, 0, holding.since});
    }
  }

  void take(Machine& machine, SessionId session, std::uint64_t permits) {
    content.value -= permits;
    if (!owned) return;
    Holding& holding = content.held[session];
    if (holding.permits == 0) holding.since = machine.now();
    holding.permits += permits;
    machine.sessions().granted(session, id);
  }
  /// Returns the sum, clamped to the bound: another session may have released the permits of an
  /// ended session already.
  std::uint64_t sum(std::uint64_t a, std::uint64_t b) const {
    return b > bound - a ? bound : a + b;
  }

  std::uint64_t bound = kMost;  ///< of free permits
  bool owned = true;
  ObjectId id;
  Content content;
  WaitQueue waiting;
};

Expected<std::uint64_t> permits(Call& call) {
  if (call.integer(0) >= 1) return static_cast<std::uint64_t>(call.integer(0));
  return call.fail_here(Errc::value_error,
                        "n must be at least 1, got " + std::to_string(call.integer(0)));
}

Outcome acquire(Call& call, Semaphore& semaphore) {
  auto n = permits(call);
  if (!n) return n.failure();
  if (*n > semaphore.bound) {
    return call.fail_here(Errc::value_error, std::to_string(*n) + " permits are never free in " +
                                                 call.what() + " with bound " +
                                                 std::to_string(semaphore.bound));
  }
  if (*n > semaphore.content.value || !semaphore.waiting.empty()) {
    return call.wait(semaphore.waiting, 1, [&](Waiter& waiter) { waiter.count = *n; });
  }
  call.changed();
  semaphore.take(call.machine(), call.session(), *n);
  call.reply().boolean(true);
  return Progress::done;
}

Outcome release(Call& call, Semaphore& semaphore) {
  auto n = permits(call);
  if (!n) return n.failure();
  Content& content = semaphore.content;
  if (*n > semaphore.bound - content.value) {
    return call.fail_here(Errc::value_error, call.what() + " has " + std::to_string(content.value) +
                                                 " free permits; " + std::to_string(*n) +
                                                 " more would be over its bound of " +
                                                 std::to_string(semaphore.bound));
  }
  content.value += *n;
  if (const auto own = content.held.find(call.session()); own != content.held.end()) {
    own->second.permits -= std::min(*n, own->second.permits);
    if (own->second.permits == 0) {
      content.held.erase(own);
      call.machine().sessions().returned(call.session(), semaphore.id);
    }
  }
  call.changed();
  return Progress::done;
}

Outcome value(Call& call, Semaphore& semaphore) {
  call.reply().unsigned_integer(semaphore.content.value);
  return Progress::done;
}

Expected<std::unique_ptr<State>> create(Creation& creation) {
  auto semaphore = std::make_unique<Semaphore>();
  semaphore->id = creation.id;
  const auto natural = [](PackedView value, std::uint64_t& out, std::uint64_t least) {
    const Token token = read(value);
    if (token.negative || token.natural < least || token.natural > kMost) return false;
    out = token.natural;
    return true;
  };
  if (const PackedView initial = creation.arguments[0];
      initial.present() && !natural(initial, semaphore->content.value, 0)) {
    return fail(Errc::value_error, "initial must be 0 to " + std::to_string(kMost));
  }
  if (const PackedView bound = creation.options[0]; bound.present() && !bound.is_null()) {
    if (!natural(bound, semaphore->bound, 1)) {
      return fail(Errc::value_error, "bound must be 1 to " + std::to_string(kMost));
    }
    if (semaphore->content.value > semaphore->bound) {
      return fail(Errc::value_error, "initial is " + std::to_string(semaphore->content.value) +
                                         ", over the bound of " + std::to_string(semaphore->bound));
    }
  }
  if (creation.options[1].present()) semaphore->owned = read(creation.options[1]).boolean;
  return semaphore;
}

Expected<std::unique_ptr<State>> load(Creation& creation, PackedView saved) {
  auto semaphore = std::make_unique<Semaphore>();
  semaphore->id = creation.id;
  Reader reader{saved};
  read(reader);
  semaphore->content.value = read(reader).natural;
  const Token bound = read(reader);
  if (bound.kind != Kind::null) semaphore->bound = bound.natural;
  semaphore->owned = read(reader).boolean;
  return semaphore;
}

constexpr Parameter kN{"n", ParamKind::integer, default_int(1),
                       "The number of permits, at least 1."};

constexpr Method kMethods[] = {
    {.name = "acquire",
     .parameters = {kN, kTimeout},
     .result = "bool: false if the time-out came first",
     .errors = {Errc::value_error},
     .access = Access::write,
     .timed_out = TimedOut::no,
     .cost = "O(log n) in the sessions that hold permits",
     .doc = "Acquires n permits together, or waits for them in FIFO order: a waiter for many "
            "permits blocks the waiters behind it.",
     .if_reply_lost = "The session holds the permits, which are released when it ends, unless the "
                      "semaphore was created with owned=false.",
     .handler = on<&acquire>},
    {.name = "release",
     .parameters = {kN},
     .result = "null",
     .errors = {Errc::value_error},
     .access = Access::write,
     .cost = "O(1 + waiters served)",
     .doc = "Adds n permits. Any session may call it; the caller's own holding decreases by "
            "n. Fails with ValueError if the free permits would exceed the bound.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&release>},
    {.name = "value",
     .result = "int",
     .cost = "O(1)",
     .doc = "Returns the number of free permits.",
     .if_reply_lost = retry::kRead,
     .handler = on<&value>},
};
static_assert(check_table(kMethods));

constexpr Parameter kArguments[] = {
    {"initial", ParamKind::integer, default_int(1),
     "The initial number of free permits, at least 0."},
};
constexpr Parameter kOptions[] = {
    {"bound", ParamKind::integer, kNull, "The maximum number of free permits; null: no bound."},
    {"owned", ParamKind::boolean, default_bool(true),
     "False: permits are not released when their session ends; for use as a signal."},
};

}  // namespace

const ObjectType& semaphore_type() {
  static constexpr ObjectType kType{
      .name = "semaphore",
      .doc = "A counting semaphore; permits are released when their holder dies.",
      .arguments = kArguments,
      .options = kOptions,
      .methods = kMethods,
      .create = create,
      .load = load};
  return kType;
}

}  // namespace agora
