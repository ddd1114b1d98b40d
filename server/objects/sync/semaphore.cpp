// SPDX-License-Identifier: MIT

// semaphore: a counting semaphore. multiprocessing.Semaphore and BoundedSemaphore.
//
// Granted in FIFO order: a waiter for n permits blocks the waiters behind it. With owned=true the
// permits that a session still holds are released once when it ends. Any session may release. A
// release is booked against the caller's own permits first, the latest ones first, and then against
// the permits that other sessions have held longest. So free and held permits together never exceed
// the number that was made available. With owned=false, for a semaphore used as a signal, nothing
// is booked or released.

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "server/core/machine/call.hpp"
#include "server/core/methods/scalar.hpp"
#include "server/objects/retry_semantics.hpp"
#include "server/objects/types.hpp"
#include "shared/value/elements.hpp"

namespace agora {
namespace {

constexpr std::uint64_t kMost = INT64_MAX;

/// Acquires of one session that are told apart by their age. Further ones count with the last,
/// which bounds the record of a session that acquires a million permits one by one.
constexpr std::size_t kLotsMax = 16;

/// Permits that a session acquired together.
struct Lot {
  std::uint64_t permits = 0;
  std::uint64_t serial = 0;  ///< the order of acquires over all sessions
  Instant since{};
};

/// The permits of one session: `oldest` is never empty.
struct Holding {
  Lot oldest;
  std::vector<Lot> later;

  void add(const Lot& lot) {
    if (oldest.permits == 0) {
      oldest = lot;
    } else if (later.size() + 1 < kLotsMax) {
      later.push_back(lot);
    } else {
      later.back().permits += lot.permits;
    }
  }
  /// Takes back up to `n` permits, the latest first. Returns their number.
  std::uint64_t take_latest(std::uint64_t n) {
    const std::uint64_t wanted = n;
    while (n > 0 && oldest.permits > 0) {
      Lot& lot = later.empty() ? oldest : later.back();
      const std::uint64_t some = std::min(n, lot.permits);
      lot.permits -= some;
      n -= some;
      if (lot.permits == 0 && !later.empty()) later.pop_back();
    }
    return wanted - n;
  }
  /// Takes back up to `n` permits of the oldest lot. Returns their number.
  std::uint64_t take_oldest(std::uint64_t n) {
    const std::uint64_t some = std::min(n, oldest.permits);
    oldest.permits -= some;
    if (oldest.permits == 0 && !later.empty()) {
      oldest = later.front();
      later.erase(later.begin());
    }
    return some;
  }
  std::uint64_t permits() const {
    std::uint64_t sum = oldest.permits;
    for (const Lot& lot : later) sum += lot.permits;
    return sum;
  }
};

struct Content {
  std::uint64_t value = 1;  // free permits
  std::uint64_t last_serial = 0;
  std::map<SessionId, Holding> held;
  /// The holders by the serial of their oldest lot. Built by the first release that is booked
  /// against other sessions, and kept up to date from then on until no session holds permits.
  std::set<std::pair<std::uint64_t, SessionId>> by_age;
};

class Semaphore : public Lockable {
 public:
  void save(Writer& out) const override {
    // Held permits end with their sessions: after a load they are free.
    std::uint64_t all = content.value;
    for (const auto& [session, holding] : content.held) all += holding.permits();
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
    content.value += holding->second.permits();
    forget(holding);
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
      out.push_back({session, {}, 0, holding.oldest.since});
    }
  }

  void take(Machine& machine, SessionId session, std::uint64_t permits) {
    content.value -= permits;
    if (!owned) return;
    const Lot lot{permits, ++content.last_serial, machine.now()};
    Holding& holding = content.held[session];
    if (holding.oldest.permits == 0 && !content.by_age.empty()) {
      content.by_age.emplace(lot.serial, session);
    }
    holding.add(lot);
    machine.sessions().granted(session, id);
  }
  /// Adds n free permits, and books them against the holders, `session` first.
  void give_back(Machine& machine, SessionId session, std::uint64_t n) {
    content.value += n;
    if (const auto own = content.held.find(session); own != content.held.end()) {
      n -= own->second.take_latest(n);
      if (own->second.oldest.permits == 0) untrack(machine, own);
    }
    if (n > 0 && !content.held.empty()) book_on_others(machine, n);
  }

  std::uint64_t bound = kMost;  ///< of free permits
  bool owned = true;
  ObjectId id;
  Content content;
  WaitQueue waiting;

 private:
  using HoldingAt = std::map<SessionId, Holding>::iterator;

  /// Books n permits against the longest held ones of all sessions.
  void book_on_others(Machine& machine, std::uint64_t n) {
    if (content.by_age.empty()) {
      for (const auto& [session, holding] : content.held) {
        content.by_age.emplace(holding.oldest.serial, session);
      }
    }
    while (n > 0 && !content.held.empty()) {
      const auto holder = content.held.find(content.by_age.begin()->second);
      n -= holder->second.take_oldest(n);
      if (holder->second.oldest.permits == 0) {
        untrack(machine, holder);
      } else if (holder->second.oldest.serial != content.by_age.begin()->first) {
        content.by_age.erase(content.by_age.begin());
        content.by_age.emplace(holder->second.oldest.serial, holder->first);
      }
    }
  }
  void forget(HoldingAt holder) {
    if (!content.by_age.empty()) {
      content.by_age.erase({holder->second.oldest.serial, holder->first});
    }
    content.held.erase(holder);
  }
  /// Forgets a session that holds nothing here any more.
  void untrack(Machine& machine, HoldingAt holder) {
    machine.sessions().returned(holder->first, id);
    forget(holder);
  }
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
  semaphore.give_back(call.machine(), call.session(), *n);
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
    return fail(Errc::value_error,
                "initial must be 0 to " + std::to_string(kMost) + ", got " + decimal(initial));
  }
  if (const PackedView bound = creation.options[0]; bound.present() && !bound.is_null()) {
    if (!natural(bound, semaphore->bound, 1)) {
      return fail(Errc::value_error,
                  "bound must be 1 to " + std::to_string(kMost) + ", got " + decimal(bound));
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
     .cost = "O(1 + waiters served); O(log n) in the holders if it is booked against others",
     .doc = "Adds n permits. Any session may call it. The permits are booked against those that "
            "the caller holds, and then against those that other sessions have held longest; "
            "a session that ends gives back only the rest. Fails with ValueError if the free "
            "permits would exceed the bound.",
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
