#include "client/src/session/call_table.hpp"

#include <memory>
#include <set>
#include <vector>

#include <rapidcheck.h>

#include "shared/value/codec.hpp"
#include "tests/support/catch.hpp"

using namespace agora;
using detail::Call;
using detail::CallTable;
using detail::Deadline;
using detail::Effect;
using detail::LifeClock;
using detail::OwnedSlot;
using detail::Slot;

namespace {

const Call kChange{.method = "dict.set"};
const Call kRead{.method = "dict.get", .effect = Effect::reads};

const LifeClock::time_point kNow{};

struct Waiting : Slot {
  explicit Waiting(const Call& what) : Slot(what, Deadline()) {}
};

std::uint32_t enter(CallTable& table, Slot& slot) {
  table.open(slot, kNow);
  return static_cast<std::uint32_t>(slot.number);
}

std::string resumed(CallTable& table, std::uint64_t last_seen) {
  std::string out;
  table.resume(last_seen, kNow, out);
  return out;
}

ServerMessage success(std::uint32_t id, const Packed& result) {
  ServerMessage message;
  message.id = id;
  message.result = result.view();
  return message;
}

ServerMessage failure(std::uint32_t id, Errc code) {
  ServerMessage message;
  message.id = id;
  message.error = std::make_unique<Error>(Error{code, "because", Done::no, {}});
  return message;
}

}  // namespace

TEST_CASE("each reply goes to the caller whose number it has", "[client]") {
  CallTable table;
  Waiting a(kChange);
  Waiting b(kRead);
  const std::uint32_t first = enter(table, a);
  const std::uint32_t second = enter(table, b);
  CHECK(first != second);
  CHECK(first != 0);  // a server that cannot read the number answers 0

  const Packed value = pack("for b");
  auto reply = success(second, value);
  const auto deal = table.deal(reply);
  CHECK(deal.dealt == CallTable::Dealt::delivered);
  CHECK(deal.slot == &b);
  CHECK(b.done);
  CHECK(b.result == value);
  CHECK_FALSE(a.done);

  auto error = failure(first, Errc::key_error);
  CHECK(table.deal(error).slot == &a);
  REQUIRE(a.error);
  CHECK(a.error->code == Errc::key_error);
  CHECK(table.size() == 0);
}

TEST_CASE("a reply to nobody is a stray, also the second one to the same call", "[client]") {
  CallTable table;
  const Packed value = pack(1);
  auto early = success(5, value);
  CHECK(table.deal(early).dealt == CallTable::Dealt::stray);
  Waiting slot(kChange);
  const std::uint32_t id = enter(table, slot);
  auto reply = success(id, value);
  CHECK(table.deal(reply).dealt == CallTable::Dealt::delivered);
  auto again = success(id, value);
  CHECK(table.deal(again).dealt == CallTable::Dealt::stray);
}

TEST_CASE("the reply to a call that was given up is dropped", "[client]") {
  CallTable table;
  std::uint32_t id = 0;
  {
    Waiting slot(kChange);
    id = enter(table, slot);
    table.abandon(id);
  }
  const Packed value = pack(1);
  auto late = success(id, value);
  const auto deal = table.deal(late);
  CHECK(deal.dealt == CallTable::Dealt::dropped);
  CHECK(deal.undo == nullptr);
  CHECK(table.size() == 0);
}

TEST_CASE("what a late reply hands out is given back, and nothing else is", "[client]") {
  struct Case {
    const char* method;
    detail::Params params;
    Packed result;
    const char* undo;
    detail::Params undone;
  };
  using Members = std::map<std::string, int>;
  const detail::Timeout forever;
  const Case cases[] = {
      {"semaphore.acquire", detail::params_of("s", 3, forever), pack(true), "semaphore.release",
       detail::params_of("s", 3)},
      {"semaphore.acquire", detail::params_of("s"), pack(true), "semaphore.release",
       detail::params_of("s", 1)},
      {"semaphore.acquire", detail::params_of("s", 3, 1.5), pack(false), "", {}},
      {"queue.reserve", detail::params_of("q", forever), pack(Members{{"id", 7}, {"item", 1}}),
       "queue.requeue", detail::params_of("q", 7)},
      {"lock.acquire", detail::params_of("l", forever, "t1"), pack(Members{{"token", 9}}), "", {}},
      {"event.wait", detail::params_of("e", forever), pack(true), "", {}},
      {"barrier.wait", detail::params_of("b", forever), pack(2), "", {}},
  };
  for (const Case& each : cases) {
    CAPTURE(each.method);
    Call wait{.method = each.method, .waits = true};
    CallTable table;
    Waiting slot(wait.with(each.params));
    const std::uint32_t id = enter(table, slot);
    table.abandon(id);
    auto late = success(id, each.result);
    const auto deal = table.deal(late);
    REQUIRE((deal.undo != nullptr) == (*each.undo != '\0'));
    CHECK(table.acknowledgements().through() == 1);
    if (deal.undo == nullptr) continue;
    CHECK(deal.undo->call.method == each.undo);
    CHECK(deal.undo->call.count == each.undone.count);
    CHECK(deal.undo->call.params == each.undone.bytes);
  }
}

TEST_CASE("when the session is lost each call says what is known of it", "[client]") {
  CallTable table;
  Waiting sent_change(kChange);
  Waiting sent_read(kRead);
  Waiting unsent(kChange);
  sent_change.sent = sent_read.sent = true;
  for (Slot* slot : {&sent_change, &sent_read, &unsent}) enter(table, *slot);
  table.fail_all({Errc::session_lost, "the cable is out", {}, {}});
  for (Slot* slot : {&sent_change, &sent_read, &unsent}) {
    REQUIRE(slot->done);
    REQUIRE(slot->error);
    CHECK(slot->error->code == Errc::session_lost);
    CHECK(slot->error->message.find("the cable is out") != std::string::npos);
    CHECK(slot->error->message.find(slot->call.method) != std::string::npos);
  }
  CHECK(sent_change.error->done == Done::unknown);
  CHECK(sent_read.error->done == Done::no);
  CHECK(unsent.error->done == Done::no);
  CHECK(table.size() == 0);
}

TEST_CASE("the baton goes to a caller that sleeps", "[client]") {
  CallTable table;
  Waiting a(kChange);
  Waiting b(kChange);
  enter(table, a);
  enter(table, b);
  CHECK(table.parked() == nullptr);
  b.parked = true;
  CHECK(table.parked() == &b);
}

TEST_CASE("whatever is opened, answered and given up, no reply goes astray", "[client]") {
  CHECK(rc::check("sequences", [](const std::vector<std::uint8_t>& steps) {
    CallTable table;
    std::map<std::uint32_t, std::unique_ptr<Slot>> open;
    std::set<std::uint32_t> given_up;
    const Packed value = pack(1);
    for (const std::uint8_t step : steps) {
      if (step % 3 == 0 || (open.empty() && given_up.empty())) {
        auto slot = std::make_unique<Waiting>(kChange);
        const std::uint32_t id = enter(table, *slot);
        RC_ASSERT(!open.contains(id) && !given_up.contains(id));
        open.emplace(id, std::move(slot));
      } else if (step % 3 == 1 && !open.empty()) {
        const auto each = std::next(open.begin(), step % static_cast<int>(open.size()));
        table.abandon(each->first);
        given_up.insert(each->first);
        open.erase(each);
      } else if (!open.empty() && step % 2 == 0) {
        const auto each = std::next(open.begin(), step % static_cast<int>(open.size()));
        auto reply = success(each->first, value);
        RC_ASSERT(table.deal(reply).slot == each->second.get());
        open.erase(each);
      } else if (!given_up.empty()) {
        auto reply = success(*given_up.begin(), value);
        RC_ASSERT(table.deal(reply).dealt == CallTable::Dealt::dropped);
        given_up.erase(given_up.begin());
      }
      RC_ASSERT(table.size() == open.size() + given_up.size());
    }
  }));
}

TEST_CASE("a resumed session says again what has no answer, in the order of numbers", "[client]") {
  CallTable table;
  std::vector<std::unique_ptr<Waiting>> slots;
  std::string expected;
  for (int i = 0; i < 20; ++i) {
    slots.push_back(std::make_unique<Waiting>(i % 2 == 0 ? kRead : kChange));
    enter(table, *slots.back());
    detail::write_call(*slots.back(), expected);
  }
  CHECK(resumed(table, 7) == expected);
  for (const auto& slot : slots) CHECK(slot->sent);
  CHECK(resumed(table, 20) == expected);
}

TEST_CASE("what was answered is acknowledged again, not sent again", "[client]") {
  CallTable table;
  Waiting a(kChange);
  Waiting b(kChange);
  enter(table, a);
  enter(table, b);
  const Packed value = pack(1);
  auto reply = success(1, value);
  table.deal(reply);
  table.finished(1, true);
  std::string expected;
  begin_msgpack_notification("session.acknowledge", 2, expected);
  expected += detail::params_of(1, std::vector<int>{}).bytes;
  detail::write_call(b, expected);
  CHECK(resumed(table, 2) == expected);
}

TEST_CASE("a call that was given up is not sent again", "[client]") {
  CallTable table;
  Waiting a(kChange);
  enter(table, a);
  table.abandon(a.number);
  CHECK(resumed(table, 0).empty());
  CHECK(table.size() == 0);
  CHECK(table.acknowledgements().through() == 1);
}

TEST_CASE("a call that was given up after the server had seen it is asked for again", "[client]") {
  CallTable table;
  std::string expected;
  {
    Waiting slot(kChange);
    enter(table, slot);
    slot.sent = true;
    detail::write_call(slot, expected);
    table.abandon(slot.number);
  }
  CHECK(resumed(table, 1) == expected);
}

TEST_CASE("one that waits at the server is asked for again and cancelled", "[client]") {
  const Call wait{.method = "queue.get", .waits = true};
  for (const bool seen : {true, false}) {
    CallTable table;
    std::string expected;
    {
      Waiting slot(wait);
      enter(table, slot);
      slot.sent = true;
      detail::write_call(slot, expected);
      detail::write_cancel(slot.number, expected);
      table.abandon(slot.number);
    }
    CHECK(table.owned() == 1);
    CHECK(resumed(table, seen ? 1 : 0) == (seen ? expected : ""));
    CHECK(table.size() == (seen ? 1 : 0));
    CHECK(table.owned() == table.size());
  }
}

TEST_CASE("an item that came too late for its caller is never acknowledged", "[client]") {
  const Call wait{.method = "queue.get", .waits = true, .redelivers = true};
  CallTable table;
  Waiting slot(wait);
  enter(table, slot);
  table.abandon(slot.number);
  const Packed item = pack("item");
  auto late = success(1, item);
  CHECK(table.deal(late).dealt == CallTable::Dealt::dropped);
  CHECK(table.acknowledgements().through() == 0);
}

TEST_CASE("a refused call gets a new number", "[client]") {
  CallTable table;
  Waiting slot(kChange);
  enter(table, slot);
  auto refusal = failure(1, Errc::session_backlog);
  const auto deal = table.deal(refusal);
  CHECK(deal.dealt == CallTable::Dealt::refused);
  CHECK(deal.slot == &slot);
  CHECK_FALSE(slot.done);
  CHECK_FALSE(slot.sent);
  CHECK(enter(table, slot) == 2);
  CHECK(table.acknowledgements().through() == 1);
}

TEST_CASE("only calls that do not wait fill the table", "[client]") {
  CallTable table;
  const Call wait{.method = "event.wait", .waits = true};
  std::vector<std::unique_ptr<Waiting>> slots;
  for (std::size_t i = 0; i < 2 * CallTable::kOpenMax; ++i) {
    CHECK_FALSE(table.full());
    slots.push_back(std::make_unique<Waiting>(i % 2 == 0 ? wait : kChange));
    enter(table, *slots.back());
  }
  CHECK(table.full());
  const Packed value = pack(1);
  auto reply = success(2, value);
  table.deal(reply);
  CHECK_FALSE(table.full());
}

TEST_CASE("a kept call that is taken back leaves its number behind", "[client]") {
  for (const bool sent : {true, false}) {
    CallTable table;
    auto slot = std::make_unique<OwnedSlot>(kChange, Deadline());
    slot->sent = sent;
    table.open(std::move(slot), kNow);
    CHECK(table.owned() == 1);
    CHECK(table.take_back(1) != nullptr);
    CHECK(table.owned() == (sent ? 1 : 0));
    CHECK(table.size() == (sent ? 1 : 0));
    CHECK(table.take_back(1) == nullptr);
  }
}
