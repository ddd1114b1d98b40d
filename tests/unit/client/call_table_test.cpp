#include "client/src/call_table.hpp"

#include <memory>
#include <set>
#include <vector>

#include <rapidcheck.h>

#include "shared/value/codec.hpp"
#include "tests/support/catch.hpp"

using namespace agora;
using client::Call;
using client::CallTable;
using client::Effect;
using client::Slot;

namespace {

const Call kChange{.method = "dict.set"};
const Call kRead{.method = "dict.get", .effect = Effect::reads};

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
  Slot a(kChange);
  Slot b(kRead);
  const std::uint32_t first = table.open(a);
  const std::uint32_t second = table.open(b);
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
  Slot slot(kChange);
  const std::uint32_t id = table.open(slot);
  auto reply = success(id, value);
  CHECK(table.deal(reply).dealt == CallTable::Dealt::delivered);
  auto again = success(id, value);
  CHECK(table.deal(again).dealt == CallTable::Dealt::stray);
}

TEST_CASE("the reply to a call that was given up is dropped", "[client]") {
  CallTable table;
  std::uint32_t id = 0;
  {
    Slot slot(kChange);
    id = table.open(slot);
    table.abandon(id);
  }
  const Packed value = pack(1);
  auto late = success(id, value);
  const auto deal = table.deal(late);
  CHECK(deal.dealt == CallTable::Dealt::dropped);
  CHECK(deal.undo.empty());
  CHECK(table.size() == 0);
}

TEST_CASE("what a late reply grants is given back, a refusal is not", "[client]") {
  Call acquire{.method = "lock.acquire", .waits = true};
  const client::Params undo = client::params_of("a lock", "t1");
  acquire.undo_method = "lock.release";
  acquire.undo_count = undo.count;
  acquire.undo_params = undo.bytes;
  std::string expected;
  begin_msgpack_notification("lock.release", 2, expected);
  expected += undo.bytes;

  const Packed grant = pack(std::map<std::string, int>{{"token", 9}});
  const Packed none = pack(nullptr);
  for (int round = 0; round < 3; ++round) {
    CallTable table;
    Slot slot(acquire);
    const std::uint32_t id = table.open(slot);
    table.abandon(id);
    auto late = round == 0   ? success(id, grant)
                : round == 1 ? success(id, none)
                             : failure(id, Errc::deadlock);
    CHECK(table.deal(late).undo == (round == 0 ? expected : ""));
  }
}

TEST_CASE("when the connection is lost each call says what is known of it", "[client]") {
  CallTable table;
  Slot sent_change(kChange);
  Slot sent_read(kRead);
  Slot unsent(kChange);
  sent_change.sent = sent_read.sent = true;
  for (Slot* slot : {&sent_change, &sent_read, &unsent}) table.open(*slot);
  table.fail_all("the cable is out");
  for (Slot* slot : {&sent_change, &sent_read, &unsent}) {
    REQUIRE(slot->done);
    REQUIRE(slot->error);
    CHECK(slot->error->code == Errc::unavailable);
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
  Slot a(kChange);
  Slot b(kChange);
  table.open(a);
  table.open(b);
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
        auto slot = std::make_unique<Slot>(kChange);
        const std::uint32_t id = table.open(*slot);
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
