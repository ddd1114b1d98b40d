// SPDX-License-Identifier: MIT

#include "client/src/session/call_table.hpp"

#include <memory>
#include <set>
#include <vector>

#include <rapidcheck.h>

#include "shared/value/codec.hpp"
#include "tests/support/catch.hpp"

using namespace agora;
using detail::Call;
using detail::CallEffect;
using detail::CallTable;
using detail::Deadline;
using detail::LifeClock;
using detail::OwnedCall;
using detail::PendingCall;

namespace {

const Call kChange{.method = "dict.set"};
const Call kRead{.method = "dict.get", .effect = CallEffect::reads};

const LifeClock::time_point kNow{};

struct Waiting : PendingCall {
  explicit Waiting(const Call& what) : PendingCall(what, Deadline()) {}
};

std::uint32_t enter(CallTable& table, PendingCall& pending) {
  table.open(pending, kNow);
  return static_cast<std::uint32_t>(pending.number);
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

TEST_CASE("call table: a reply goes to the caller whose number it has", "[client]") {
  CallTable table;
  Waiting a(kChange);
  Waiting b(kRead);
  const std::uint32_t first = enter(table, a);
  const std::uint32_t second = enter(table, b);
  CHECK(first != second);
  CHECK(first != 0);  // 0 is the id of replies to unreadable input

  const Packed value = pack("for b");
  auto reply = success(second, value);
  const auto match = table.match(reply);
  CHECK(match.kind == CallTable::Match::Kind::delivered);
  CHECK(match.pending == &b);
  CHECK(b.done);
  CHECK(b.result == value);
  CHECK_FALSE(a.done);

  auto error = failure(first, Errc::key_error);
  CHECK(table.match(error).pending == &a);
  REQUIRE(a.error);
  CHECK(a.error->code == Errc::key_error);
  CHECK(table.size() == 0);
}

TEST_CASE("call table: a reply without a call is a stray, also the second reply to one call",
          "[client]") {
  CallTable table;
  const Packed value = pack(1);
  auto early = success(5, value);
  CHECK(table.match(early).kind == CallTable::Match::Kind::stray);
  Waiting pending(kChange);
  const std::uint32_t id = enter(table, pending);
  auto reply = success(id, value);
  CHECK(table.match(reply).kind == CallTable::Match::Kind::delivered);
  auto again = success(id, value);
  CHECK(table.match(again).kind == CallTable::Match::Kind::stray);
}

TEST_CASE("call table: the reply to an abandoned call is dropped", "[client]") {
  CallTable table;
  std::uint32_t id = 0;
  {
    Waiting pending(kChange);
    id = enter(table, pending);
    table.abandon(id);
  }
  const Packed value = pack(1);
  auto late = success(id, value);
  const auto match = table.match(late);
  CHECK(match.kind == CallTable::Match::Kind::dropped);
  CHECK(match.undo == nullptr);
  CHECK(table.size() == 0);
}

TEST_CASE("call table: resources that come with a late reply are given back, and no others",
          "[client]") {
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
       "queue.requeue", detail::params_of("q", 7, 0, false)},
      {"queue.reserve_any", detail::params_of(std::vector<std::string>{"p", "q"}, forever),
       pack(std::map<std::string, any>{{"queue", "q"}, {"id", 7}, {"item", 1}}), "queue.requeue",
       detail::params_of("q", 7, 0, false)},
      {"lock.acquire", detail::params_of("l", forever, "t1"), pack(Members{{"token", 9}}), "", {}},
      {"event.wait", detail::params_of("e", forever), pack(true), "", {}},
      {"barrier.wait", detail::params_of("b", forever), pack(2), "", {}},
  };
  for (const Case& each : cases) {
    CAPTURE(each.method);
    Call wait{.method = each.method, .waits = true};
    CallTable table;
    Waiting pending(wait.with(each.params));
    const std::uint32_t id = enter(table, pending);
    table.abandon(id);
    auto late = success(id, each.result);
    const auto match = table.match(late);
    REQUIRE((match.undo != nullptr) == (*each.undo != '\0'));
    CHECK(table.acknowledgements().through() == 1);
    if (match.undo == nullptr) continue;
    CHECK(match.undo->call.method == each.undo);
    CHECK(match.undo->call.count == each.undone.count);
    CHECK(match.undo->call.params == each.undone.bytes);
  }
}

TEST_CASE("call table: when the session is lost each error says whether its call may have run",
          "[client]") {
  CallTable table;
  Waiting sent_change(kChange);
  Waiting sent_read(kRead);
  Waiting unsent(kChange);
  sent_change.sent = sent_read.sent = true;
  for (PendingCall* pending : {&sent_change, &sent_read, &unsent}) enter(table, *pending);
  table.fail_all({Errc::session_lost, "the cable is out", {}, {}});
  for (PendingCall* pending : {&sent_change, &sent_read, &unsent}) {
    REQUIRE(pending->done);
    REQUIRE(pending->error);
    CHECK(pending->error->code == Errc::session_lost);
    CHECK(pending->error->message.find("the cable is out") != std::string::npos);
    CHECK(pending->error->message.find(pending->call.method) != std::string::npos);
  }
  CHECK(sent_change.error->done == Done::unknown);
  CHECK(sent_read.error->done == Done::no);
  CHECK(unsent.error->done == Done::no);
  CHECK(table.size() == 0);
}

TEST_CASE("call table: the baton goes to a caller that sleeps", "[client]") {
  CallTable table;
  Waiting a(kChange);
  Waiting b(kChange);
  enter(table, a);
  enter(table, b);
  CHECK(table.parked() == nullptr);
  b.parked = true;
  CHECK(table.parked() == &b);
}

TEST_CASE("call table: in any order of opening, replying and abandoning no reply goes astray",
          "[client]") {
  CHECK(rc::check("sequences", [](const std::vector<std::uint8_t>& steps) {
    CallTable table;
    std::map<std::uint32_t, std::unique_ptr<PendingCall>> open;
    std::set<std::uint32_t> given_up;
    const Packed value = pack(1);
    for (const std::uint8_t step : steps) {
      if (step % 3 == 0 || (open.empty() && given_up.empty())) {
        auto pending = std::make_unique<Waiting>(kChange);
        const std::uint32_t id = enter(table, *pending);
        RC_ASSERT(!open.contains(id) && !given_up.contains(id));
        open.emplace(id, std::move(pending));
      } else if (step % 3 == 1 && !open.empty()) {
        const auto each = std::next(open.begin(), step % static_cast<int>(open.size()));
        table.abandon(each->first);
        given_up.insert(each->first);
        open.erase(each);
      } else if (!open.empty() && step % 2 == 0) {
        const auto each = std::next(open.begin(), step % static_cast<int>(open.size()));
        auto reply = success(each->first, value);
        RC_ASSERT(table.match(reply).pending == each->second.get());
        open.erase(each);
      } else if (!given_up.empty()) {
        auto reply = success(*given_up.begin(), value);
        RC_ASSERT(table.match(reply).kind == CallTable::Match::Kind::dropped);
        given_up.erase(given_up.begin());
      }
      RC_ASSERT(table.size() == open.size() + given_up.size());
    }
  }));
}

TEST_CASE(
    "call table: a resumed session sends calls without a reply again, in the order of numbers",
    "[client]") {
  CallTable table;
  std::vector<std::unique_ptr<Waiting>> pending_calls;
  std::string expected;
  for (int i = 0; i < 20; ++i) {
    pending_calls.push_back(std::make_unique<Waiting>(i % 2 == 0 ? kRead : kChange));
    enter(table, *pending_calls.back());
    detail::write_call(*pending_calls.back(), expected);
  }
  CHECK(resumed(table, 7) == expected);
  for (const auto& pending : pending_calls) CHECK(pending->sent);
  CHECK(resumed(table, 20) == expected);
}

TEST_CASE(
    "call table: a resumed session acknowledges answered calls again and does not resend them",
    "[client]") {
  CallTable table;
  Waiting a(kChange);
  Waiting b(kChange);
  enter(table, a);
  enter(table, b);
  const Packed value = pack(1);
  auto reply = success(1, value);
  table.match(reply);
  table.finished(1, true);
  std::string expected;
  begin_msgpack_notification("session.acknowledge", 2, expected);
  expected += detail::params_of(1, std::vector<int>{}).bytes;
  detail::write_call(b, expected);
  CHECK(resumed(table, 2) == expected);
}

TEST_CASE("call table: an abandoned call that the server has not seen is not sent again",
          "[client]") {
  CallTable table;
  Waiting a(kChange);
  enter(table, a);
  table.abandon(a.number);
  CHECK(resumed(table, 0).empty());
  CHECK(table.size() == 0);
  CHECK(table.acknowledgements().through() == 1);
}

TEST_CASE("call table: an abandoned call that the server has seen is sent again", "[client]") {
  CallTable table;
  std::string expected;
  {
    Waiting pending(kChange);
    enter(table, pending);
    pending.sent = true;
    detail::write_call(pending, expected);
    table.abandon(pending.number);
  }
  CHECK(resumed(table, 1) == expected);
}

TEST_CASE("call table: an abandoned call that waits at the server is sent again and cancelled",
          "[client]") {
  const Call wait{.method = "queue.get", .waits = true};
  for (const bool seen : {true, false}) {
    CallTable table;
    std::string expected;
    {
      Waiting pending(wait);
      enter(table, pending);
      pending.sent = true;
      detail::write_call(pending, expected);
      detail::write_cancel(pending.number, expected);
      table.abandon(pending.number);
    }
    CHECK(table.owned() == 1);
    CHECK(resumed(table, seen ? 1 : 0) == (seen ? expected : ""));
    CHECK(table.size() == (seen ? 1 : 0));
    CHECK(table.owned() == table.size());
  }
}

TEST_CASE("call table: an item that came too late for its caller is declined", "[client]") {
  const Call wait{.method = "queue.get", .waits = true, .redelivers = true};
  CallTable table;
  Waiting pending(wait);
  enter(table, pending);
  table.abandon(pending.number);
  const Packed item = pack("item");
  auto late = success(1, item);
  const auto match = table.match(late);
  CHECK(match.kind == CallTable::Match::Kind::dropped);
  REQUIRE(match.undo);
  CHECK(match.undo->call.method == "session.decline");
  CHECK(match.undo->params == detail::params_of(1).bytes);
  // An acknowledgement that overtakes the call would keep the item.
  CHECK(match.undo->declines == 1);
  CHECK(table.acknowledgements().through() == 0);
  table.finished(match.undo->declines, false);
  CHECK(table.acknowledgements().through() == 1);
}

TEST_CASE("call table: what a cancelled call acquired in spite of it goes back", "[client]") {
  using detail::Cancellation;
  const detail::Params undo = detail::params_of("l", "t1");
  const Call get{.method = "queue.get", .waits = true, .redelivers = true};
  Call lock{.method = "lock.acquire",
            .waits = true,
            .undo_method = "lock.release",
            .undo_count = undo.count,
            .undo_params = undo.bytes};
  const Call put{.method = "queue.put", .waits = true};
  struct Case {
    Call call;
    Cancellation kind;
    const char* undo;  // empty: the success stands
  };
  const Case cases[] = {
      {get, Cancellation::partial, "session.decline"},
      {get, Cancellation::total, ""},
      {lock, Cancellation::partial, "lock.release"},
      {lock, Cancellation::total, ""},
      {put, Cancellation::partial, ""},
  };
  for (const Case& each : cases) {
    CAPTURE(each.call.method, each.undo);
    CallTable table;
    Waiting pending(each.call);
    const std::uint32_t id = enter(table, pending);
    pending.on_request = each.kind;
    const Packed result = pack("granted");
    auto reply = success(id, result);
    const auto match = table.match(reply);
    REQUIRE(match.kind == CallTable::Match::Kind::delivered);
    REQUIRE((match.undo != nullptr) == (*each.undo != '\0'));
    if (match.undo) {
      CHECK(match.undo->call.method == each.undo);
      REQUIRE(pending.error);
      CHECK(pending.error->code == Errc::cancelled);
      CHECK(pending.error->done == Done::no);
    } else {
      CHECK_FALSE(pending.error);
      CHECK(pending.result == result);
    }
  }
}

TEST_CASE("call table: a refused call gets a new number", "[client]") {
  CallTable table;
  Waiting pending(kChange);
  enter(table, pending);
  auto refusal = failure(1, Errc::session_backlog);
  const auto match = table.match(refusal);
  CHECK(match.kind == CallTable::Match::Kind::refused);
  CHECK(match.pending == &pending);
  CHECK_FALSE(pending.done);
  CHECK_FALSE(pending.sent);
  CHECK(enter(table, pending) == 2);
  CHECK(table.acknowledgements().through() == 1);
}

TEST_CASE("call table: only calls that do not wait count towards its limit", "[client]") {
  CallTable table;
  const Call wait{.method = "event.wait", .waits = true};
  std::vector<std::unique_ptr<Waiting>> pending_calls;
  for (std::size_t i = 0; i < 2 * CallTable::kOpenMax; ++i) {
    CHECK_FALSE(table.full());
    pending_calls.push_back(std::make_unique<Waiting>(i % 2 == 0 ? wait : kChange));
    enter(table, *pending_calls.back());
  }
  CHECK(table.full());
  const Packed value = pack(1);
  auto reply = success(2, value);
  table.match(reply);
  CHECK_FALSE(table.full());
}

TEST_CASE("call table: a call that is taken back stays abandoned if it was sent", "[client]") {
  for (const bool sent : {true, false}) {
    CallTable table;
    auto pending = std::make_unique<OwnedCall>(kChange, Deadline());
    pending->sent = sent;
    table.open(std::move(pending), kNow);
    CHECK(table.owned() == 1);
    CHECK(table.take_back(1) != nullptr);
    CHECK(table.owned() == (sent ? 1 : 0));
    CHECK(table.size() == (sent ? 1 : 0));
    CHECK(table.take_back(1) == nullptr);
  }
}
