// SPDX-License-Identifier: MIT

// A queue against a plain model: all short histories of three sessions, and long random ones, with
// deaths, time-outs, delays and leases; the same replies and the same order at every step.

#include "tests/unit/server/objects/queue_model.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <rapidcheck.h>

#include "shared/value/any.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/machine_calls.hpp"

namespace agora::test {
namespace {

using Ints = std::vector<int>;
using MaybeInt = std::optional<int>;

/// A machine with opened sessions 0 to 2, and the model; both get the same operations.
class Pair {
 public:
  Pair(const std::string& order, std::size_t maxsize, int max_deliveries = 16)
      : model(order, maxsize, max_deliveries), maxsize_(maxsize) {
    std::string packed;
    Writer out{packed};
    out.map(3);
    out.text("max_deliveries"), out.integer(max_deliveries);
    out.text("order"), out.text(order);
    out.text("maxsize"), out.unsigned_integer(maxsize);
    call("object.create", "queue", "q", Ints{}, Packed{packed});
    for (int session = 0; session < 3; ++session) begin(session);
  }

  void put(int session, const Ints& items, MaybeInt timeout, int priority = 0, int delay = 0) {
    const Given given =
        items.size() == 1 ? numbered(session, "queue.put", "q", items[0], timeout, priority, delay)
                          : numbered(session, "queue.put_many", "q", items, timeout);
    QueueModel::Waiter waiter = waiter_of(session, given, "put");
    waiter.items = items;
    waiter.priority = priority;
    waiter.delay = delay;
    const bool fits = maxsize_ == 0 || items.size() <= maxsize_ || model.closed();
    compare(given, fits ? model.wait(waiter, timeout) : "ValueError");
  }
  void get(int session, MaybeInt timeout) {
    const Given given = numbered(session, "queue.get", "q", timeout);
    compare(given, model.wait(waiter_of(session, given, "get"), timeout));
  }
  void reserve(int session, MaybeInt timeout, MaybeInt lease) {
    const Given given = numbered(session, "queue.reserve", "q", timeout, lease);
    QueueModel::Waiter waiter = waiter_of(session, given, "reserve");
    waiter.lease = lease;
    compare(given, model.wait(waiter, timeout));
  }
  void acknowledge(int session, std::uint64_t id) {
    const bool there = model.acknowledge(session, id);
    compare(numbered(session, "queue.acknowledge", "q", id), there ? "null" : "NotFound");
  }
  void requeue(int session, std::uint64_t id, int delay, bool counts = true) {
    const bool there = model.requeue(session, id, delay, counts);
    compare(numbered(session, "queue.requeue", "q", id, delay, counts),
            there ? "null" : "NotFound");
  }
  void reject(int session, std::uint64_t id) {
    const bool there = model.reject(session, id);
    compare(numbered(session, "queue.reject", "q", id, "why"), there ? "null" : "NotFound");
  }
  /// Acknowledges the newest call of the session whose reply has arrived.
  void reply_arrived(int session) {
    const std::uint64_t number = numbers_[session];
    call.over(link(session), 0, "session.acknowledge", 0, std::vector<std::uint64_t>{number});
    model.reply_arrived(session, number);
  }
  void die(int session) {
    call.die(link(session));
    model.die(session);
    begin(session);
  }
  void advance() {
    call.advance(1);
    model.advance();
  }

  /// Compares all replies, and all observable state of the queue.
  bool same() {
    for (const auto& [tag, expected] : std::exchange(model.replies, {})) {
      const auto given = call.arrived(tag);
      if (!given) return false;
      if (shown(*given) != expected) return false;
      waiting_.erase(tag);
    }
    for (const std::uint64_t tag : waiting_) {
      if (call.arrived(tag)) return false;
    }
    return replies_match_ && call("object.value", "q").as<Ints>() == model.ready() &&
           dead() == model.dead() &&
           call("queue.join", "q", 0).error == (model.unfinished() == 0 ? "" : "Timeout");
  }

  template <typename... Args>
  Given numbered(int session, std::string_view method, const Args&... arguments) {
    return call.over(link(session), ++numbers_[session], method, arguments...);
  }
  void compare(const Given& given, const std::string& expected) {
    if (given.waits) waiting_.insert(given.tag);
    replies_match_ = replies_match_ && shown(given) == expected;
  }

  MachineCalls call;
  QueueModel model;

 private:
  Ints dead() {
    Ints items;
    const Given letters = call("queue.dead_letters", "q");
    for (auto& letter : letters.as<std::vector<std::map<std::string, any>>>()) {
      items.push_back(letter["item"].if_is<int>().value_or(-1));
    }
    return items;
  }
  void begin(int session) {
    links_[session] = ++last_link_;
    call.open(last_link_);
    call.over(last_link_, 0, "session.open", 3600);
    numbers_[session] = 0;
  }
  std::uint64_t link(int session) const { return links_.at(session); }
  QueueModel::Waiter waiter_of(int session, const Given& given, std::string method) {
    QueueModel::Waiter waiter;
    waiter.owner = session;
    waiter.tag = given.waits ? given.tag : 0;
    waiter.number = numbers_[session];
    waiter.method = std::move(method);
    return waiter;
  }
  static std::string shown(const Given& given) {
    if (given.waits) return "waits";
    if (!given.error.empty()) return given.error;
    if (given.result.view().is_null()) return "null";
    if (given.result.kind() == Kind::integer) return std::to_string(given.as<int>());
    auto parts = given.as<std::map<std::string, int>>();
    return std::to_string(parts["id"]) + ":" + std::to_string(parts["item"]) + "x" +
           std::to_string(parts["deliveries"]);
  }

  std::size_t maxsize_;
  bool replies_match_ = true;
  std::uint64_t last_link_ = 1;
  std::map<int, std::uint64_t> links_;
  std::map<int, std::uint64_t> numbers_;
  std::set<std::uint64_t> waiting_;
};

constexpr int kOperations = 6;

void step(Pair& pair, int operation, int session, int at) {
  switch (operation) {
    case 0:
      return pair.put(session, {at}, session == 0 ? MaybeInt{1} : std::nullopt);
    case 1:
      return pair.get(session, session == 1 ? MaybeInt{1} : std::nullopt);
    case 2:
      return pair.reserve(session, std::nullopt, session == 2 ? MaybeInt{1} : std::nullopt);
    case 3: {
      const auto ids = pair.model.ids(session);
      return ids.empty() ? pair.reply_arrived(session) : pair.acknowledge(session, ids[0]);
    }
    case 4: {
      const auto ids = pair.model.ids(session);
      return ids.empty() ? pair.put(session, {at, at + 100}, std::nullopt)
                         : pair.requeue(session, ids[0], session == 0 ? 1 : 0);
    }
    default:
      return pair.die(session);
  }
}

TEST_CASE("queue: every history of four operations by three sessions equals the model",
          "[objects]") {
  constexpr int kChoices = 3 * kOperations + 1;
  for (int history = 0; history < kChoices * kChoices * kChoices * kChoices; ++history) {
    Pair pair{"fifo", 2};
    for (int at = 0, left = history; at < 4; ++at, left /= kChoices) {
      const int choice = left % kChoices;
      choice == 3 * kOperations ? pair.advance()
                                : step(pair, choice % kOperations, choice / kOperations, at);
    }
    INFO("history " << history);

    REQUIRE(pair.same());
    pair.advance();
    for (int session = 0; session < 3; ++session) pair.die(session);
    REQUIRE(pair.same());
  }
}

void random_step(Pair& pair, int at) {
  const int session = *rc::gen::inRange(0, 3);
  const MaybeInt timeout = *rc::gen::element(MaybeInt{}, MaybeInt{0}, MaybeInt{0}, MaybeInt{2});
  const auto ids = pair.model.ids(session);
  const std::uint64_t id =
      ids.empty() ? 0 : ids[static_cast<std::size_t>(*rc::gen::inRange(0, 3)) % ids.size()];
  switch (*rc::gen::inRange(0, 16)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return pair.put(session, {at}, timeout, *rc::gen::inRange(-2, 3),
                      *rc::gen::element(0, 0, 0, 1, 3));
    case 4:
      return pair.put(session, Ints(static_cast<std::size_t>(*rc::gen::inRange(2, 5)), at),
                      timeout);
    case 5:
    case 6:
      return pair.get(session, timeout);
    case 7:
    case 8:
    case 9:
      return pair.reserve(session, timeout,
                          *rc::gen::element(MaybeInt{}, MaybeInt{1}, MaybeInt{3}));
    case 10:
      return pair.acknowledge(session, id);
    case 11:
      return *rc::gen::inRange(0, 4) == 0 ? pair.reject(session, id)
                                          : pair.requeue(session, id, *rc::gen::element(0, 0, 2),
                                                         *rc::gen::arbitrary<bool>());
    case 12:
      return pair.reply_arrived(session);
    case 13:
      return pair.advance();
    case 14:
      return pair.die(session);
    default:
      break;
  }
  const int rare = *rc::gen::inRange(0, 12);
  if (rare == 0) {
    pair.model.close();
    pair.numbered(session, "queue.close", "q");
  } else if (rare < 4) {
    const int count = pair.model.clear();
    pair.compare(pair.numbered(session, "queue.clear", "q"), std::to_string(count));
  } else if (rare == 4) {
    const int count = pair.model.purge();
    pair.compare(pair.numbered(session, "queue.purge_dead_letters", "q"), std::to_string(count));
  } else if (rare < 8) {
    const int count = pair.model.redrive(2);
    pair.compare(pair.numbered(session, "queue.redrive", "q", 2), std::to_string(count));
  } else {
    const bool done = pair.model.task_done(session);
    pair.compare(pair.numbered(session, "queue.task_done", "q"), done ? "null" : "ValueError");
  }
}

TEST_CASE("queue: equals the model in every order", "[objects]") {
  CHECK(rc::check("queue", [] {
    const auto order = *rc::gen::element<std::string>("fifo", "lifo", "priority");
    const auto maxsize = *rc::gen::inRange<std::size_t>(0, 6);
    Pair pair{order, maxsize, *rc::gen::element(0, 1, 2, 16)};
    const int steps = *rc::gen::inRange(0, 150);
    for (int at = 0; at < steps; ++at) {
      random_step(pair, at);
      RC_ASSERT(pair.same());
    }
  }));
}

}  // namespace
}  // namespace agora::test
