// SPDX-License-Identifier: MIT

// Queue behaviour beyond the transcripts: opened sessions with acknowledged and lost replies,
// content that is saved or freed to the last byte, references, and transactions that leave no
// trace.

#include <cmath>
#include <initializer_list>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "shared/value/any.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/machine_calls.hpp"

namespace agora::test {
namespace {

using Ints = std::vector<int>;
using Numbers = std::vector<std::uint64_t>;

constexpr std::uint64_t kLink = 2;

/// A queue q with the items 1 to 5, and an opened session on link 2.
class Calls : public MachineCalls {
 public:
  explicit Calls(const std::string& order = "fifo") {
    (*this)("object.create", "queue", "q", Ints{},
            std::map<std::string, std::string>{{"order", order}});
    (*this)("queue.put_many", "q", Ints{1, 2, 3, 4, 5});
    open(kLink);
    over(kLink, 0, "session.open", 3600);
  }
  Ints ready() { return (*this)("object.value", "q").as<Ints>(); }
  Object& queue() { return *machine().registry().find(std::string_view{"q"}); }
  std::string saved() {
    std::string bytes;
    Writer out{bytes};
    queue().state->save(out);
    return bytes;
  }
  void acknowledge(const Numbers& numbers) { over(kLink, 0, "session.acknowledge", 0, numbers); }
};

TEST_CASE("queue: a got item comes back to its place unless its reply was acknowledged",
          "[objects]") {
  Calls call;
  CHECK(call.over(kLink, 1, "queue.get", "q").as<int>() == 1);
  CHECK(call.over(kLink, 2, "queue.get_many", "q", 2).as<Ints>() == Ints{2, 3});
  CHECK(call.over(kLink, 3, "queue.get", "q").as<int>() == 4);
  call.acknowledge({2});
  call("queue.put", "q", 6);
  CHECK(call.ready() == Ints{5, 6});
  call.die(kLink);
  CHECK(call.ready() == Ints{1, 4, 5, 6});
  const Given again = call("queue.reserve", "q");
  CHECK((again.as<std::map<std::string, int>>() ==
         std::map<std::string, int>{{"id", 1}, {"item", 1}, {"deliveries", 2}}));
}

TEST_CASE("queue: items of a lifo queue come back to their place", "[objects]") {
  Calls call{"lifo"};
  CHECK(call.over(kLink, 1, "queue.get_many", "q", 3).as<Ints>() == Ints{5, 4, 3});
  call("queue.put", "q", 6);
  call.over(kLink, 2, "session.close");
  CHECK(call.ready() == Ints{6, 5, 4, 3, 2, 1});
}

TEST_CASE("queue: without a number, or on a plain connection, a get is final", "[objects]") {
  Calls call;
  CHECK(call.over(kLink, 0, "queue.get", "q").as<int>() == 1);
  call.open(3);
  CHECK(call.over(3, 7, "queue.get", "q").as<int>() == 2);
  call.end(3);
  call.die(kLink);
  CHECK(call.ready() == Ints{3, 4, 5});
}

TEST_CASE("queue: a resent get returns the same item, and takes no other", "[objects]") {
  Calls call;
  CHECK(call.over(kLink, 1, "queue.get", "q").as<int>() == 1);
  CHECK(call.over(kLink, 1, "queue.get", "q").as<int>() == 1);
  CHECK(call.ready() == Ints{2, 3, 4, 5});
  call.acknowledge({1});
  CHECK(call.over(kLink, 1, "queue.get", "q").error == "InvalidRequest");
  CHECK(call.ready() == Ints{2, 3, 4, 5});
}

TEST_CASE("queue: a get that waits over a lost connection has its item kept", "[objects]") {
  Calls call;
  call("queue.clear", "q");
  const SessionId session = call.session(kLink);
  CHECK(call.over(kLink, 1, "queue.get", "q").waits);
  call.end(kLink);
  call("queue.put", "q", 8);
  CHECK(call.ready().empty());
  SECTION("for the client that resumes") {
    call.open(3);
    const std::string id = "s" + std::to_string(session.number);
    const std::string token = call.machine().sessions().find(session)->token;
    REQUIRE(call.over(3, 0, "session.resume", id, token).error.empty());
    CHECK(call.over(3, 1, "queue.get", "q").as<int>() == 8);
    call.die(3);
    CHECK(call.ready() == Ints{8});
  }
  SECTION("until its time-out") {
    call.advance(3600);
    CHECK(call.ready() == Ints{8});
  }
}

TEST_CASE("queue: a put admitted by a get does not own the item delivered by the get",
          "[objects]") {
  MachineCalls call;
  call("object.create", "queue", "q", Ints{}, std::map<std::string, int>{{"maxsize", 1}});
  call.open(kLink);
  call.over(kLink, 0, "session.open", 3600);
  call.over(kLink, 1, "queue.put", "q", 1);
  CHECK(call.over(kLink, 2, "queue.put", "q", 2).waits);
  CHECK(call.over(kLink, 3, "queue.get", "q").as<int>() == 1);
  SECTION("the get's reply has arrived") {
    call.over(kLink, 0, "session.acknowledge", 0, Numbers{3});
    call.die(kLink);
    CHECK(call("object.value", "q").as<Ints>() == Ints{2});
  }
  SECTION("the put's reply has arrived") {
    call.over(kLink, 0, "session.acknowledge", 0, Numbers{2});
    call.die(kLink);
    CHECK(call("object.value", "q").as<Ints>() == Ints{1, 2});
  }
}

TEST_CASE(
    "queue: an item reported as done before its get is acknowledged counts again if it comes "
    "back",
    "[objects]") {
  Calls call;
  call("queue.clear", "q");
  const auto joins = [&] { return call("queue.join", "q", 0).error.empty(); };
  call("queue.put_many", "q", Ints{1, 2});
  call.over(kLink, 1, "queue.get_many", "q", 2);
  call.over(kLink, 2, "queue.task_done", "q");
  call.over(kLink, 3, "queue.task_done", "q");
  CHECK(joins());
  call.die(kLink);
  CHECK(call.ready() == Ints{1, 2});
  for (int i = 0; i < 2; ++i) {
    CHECK_FALSE(joins());
    call("queue.get", "q");
    CHECK(call("queue.task_done", "q").error.empty());
  }
  CHECK(joins());
  CHECK(call("queue.task_done", "q").error == "ValueError");
}

TEST_CASE("queue: an acknowledged item that is done does not count again", "[objects]") {
  Calls call;
  call("queue.clear", "q");
  call("queue.put_many", "q", Ints{1, 2, 3});
  // An item of another session, which has arrived and is not done.
  call("queue.get", "q");
  call.over(kLink, 1, "queue.get", "q");
  call.acknowledge({1});
  call.over(kLink, 2, "queue.get", "q");
  call.over(kLink, 3, "queue.task_done", "q");  // the one that has arrived
  call.die(kLink);
  CHECK(call.ready() == Ints{3});
  // The item of the other session and the one that came back.
  CHECK(call("queue.task_done", "q").error.empty());
  CHECK(call("queue.join", "q", 0).error == "Timeout");
  CHECK(call("queue.task_done", "q").error.empty());
  CHECK(call("queue.join", "q", 0).error.empty());
}

TEST_CASE(
    "queue: an acknowledged get that was reported as done before leaves nothing "
    "unfinished",
    "[objects]") {
  Calls call;
  call("queue.clear", "q");
  call("queue.put", "q", 1);
  call.over(kLink, 1, "queue.get", "q");
  call.over(kLink, 2, "queue.task_done", "q");
  call.acknowledge({1});
  call.die(kLink);
  CHECK(call.ready().empty());
  CHECK(call("queue.join", "q", 0).error.empty());
  CHECK(call("queue.task_done", "q").error == "ValueError");
}

TEST_CASE("queue: a closed one is drained when the last reply is acknowledged", "[objects]") {
  Calls call;
  CHECK(call.over(kLink, 1, "queue.get_many", "q", 9).as<Ints>().size() == 5);
  call("queue.close", "q");
  const Given waiting = call("queue.get", "q");
  REQUIRE(waiting.waits);
  call.acknowledge({1});
  const auto given = call.arrived(waiting.tag);
  REQUIRE(given);
  CHECK(given->error == "ShutDown");
}

TEST_CASE("queue: after sixteen deliveries an item is a dead letter", "[objects]") {
  Calls call;
  for (std::uint64_t link = 3; link < 3 + 16; ++link) {
    CHECK(call("queue.purge_dead_letters", "q").as<int>() == 0);
    call.open(link);
    call.over(link, 0, "session.open", 3600);
    CHECK(call.over(link, 1, "queue.get", "q").as<int>() == 1);
    call.die(link);
  }
  CHECK(call("queue.purge_dead_letters", "q").as<int>() == 1);
  CHECK(call.ready() == Ints{2, 3, 4, 5});
}

TEST_CASE("queue: the end of a session names the queues where it held items", "[objects]") {
  Calls call;
  const SessionId session = call.session(kLink);
  call.over(kLink, 1, "queue.get", "q");
  SECTION("still") {
    call.die(kLink);
    CHECK(call.machine().sessions().lost(session)->released == std::vector<std::string>{"q"});
  }
  SECTION("no more") {
    call.acknowledge({1});
    call.over(kLink, 2, "queue.reserve", "q");
    call.over(kLink, 3, "queue.acknowledge", "q", 1);
    call.die(kLink);
    CHECK(call.machine().sessions().lost(session)->released.empty());
  }
}

TEST_CASE("queue: an item in flight keeps its references alive", "[objects]") {
  Calls call;
  call("queue.clear", "q");
  const std::string name = call("object.create", "dict").as<reference>().name;
  call("queue.put", "q", reference{name});
  call("object.release", name);
  REQUIRE(call("object.exists", name).as<bool>());
  const auto references = [&] {
    std::vector<std::string> found;
    call.queue().state->each_reference([&](std::string_view one) { found.emplace_back(one); });
    return found;
  };
  SECTION("while it is not acknowledged, and then the session holds it") {
    call.over(kLink, 1, "queue.get", "q");
    CHECK(references() == std::vector<std::string>{name});
    call.acknowledge({1});
    CHECK(references().empty());
    CHECK(call("object.exists", name).as<bool>());
    call.die(kLink);
    CHECK_FALSE(call("object.exists", name).as<bool>());
  }
  SECTION("while it is reserved, and once it is dead") {
    for (int id = 1; id <= 16; ++id) {
      call("queue.reserve", "q");
      CHECK(references() == std::vector<std::string>{name});
      call("queue.requeue", "q", id, id == 3 ? 1 : 0);
      CHECK(references() == std::vector<std::string>{name});
      call.advance(1);
    }
    CHECK(call("object.exists", name).as<bool>());
    call("queue.redrive", "q");
    call("queue.clear", "q");
    for (int i = 0; i < 3; ++i) call("ping");
    CHECK_FALSE(call("object.exists", name).as<bool>());
  }
  SECTION("not when it went out on a plain connection") {
    call("queue.get", "q");
    CHECK_FALSE(call("object.exists", name).as<bool>());
  }
}

/// Puts an item into each state: ready, delayed, reserved with and without lease, got, dead, and
/// rejected.
void fill(Calls& call) {
  for (int id = 1; id <= 16; ++id) {
    call("queue.reserve", "q");
    call("queue.requeue", "q", id);
  }
  call("queue.put", "q", std::string(20'000, 'x'), 0, 7, 30);
  call("queue.put", "q", 6, 0, 18446744073709551615u);
  call.over(kLink, 1, "queue.reserve", "q", 0, 60);
  call.over(kLink, 2, "queue.reserve", "q");
  call.over(kLink, 3, "queue.get_many", "q", 1);
  call.over(kLink, 0, "queue.task_done", "q");
  call("queue.put", "q", 0, 0, -9);
  call("queue.reserve", "q");
  call("queue.reject", "q", 19, "a reason");
}

TEST_CASE("queue: a saved one is the same in all its parts", "[objects]") {
  for (const char* order : {"fifo", "lifo", "priority"}) {
    INFO(order);
    Calls call{order};
    fill(call);
    const std::string saved = call.saved();
    Object& object = call.queue();
    Creation creation{call.machine(), object.type, object.id, object.name, {}, {}};
    auto loaded = object.type->load(creation, PackedView{saved});
    REQUIRE(loaded);
    const std::size_t bytes = object.state->bytes();
    object.state.swap(*loaded);
    while (!(*loaded)->release_some(call.machine(), 3)) {
    }
    CHECK(call.saved() == saved);
    CHECK(object.state->bytes() == bytes);
    // The session still holds its items: they are touched, completed, and requeued.
    CHECK(call.over(kLink, 4, "queue.touch", "q", 17).error.empty());
    CHECK(call.over(kLink, 5, "queue.acknowledge", "q", 18).error.empty());
    CHECK(call.ready().size() == 2);
    call.die(kLink);
    CHECK(call.ready().size() == 4);
    call.advance(30);
    CHECK(call("queue.size", "q").as<int>() == 5);
    CHECK(call("queue.redrive", "q").as<int>() == 1);
  }
}

TEST_CASE("queue: items of a session that no longer exists are back in place after a load",
          "[objects]") {
  Calls call;
  fill(call);
  const std::string saved = call.saved();
  call.die(kLink);
  Object& object = call.queue();
  Creation creation{call.machine(), object.type, object.id, object.name, {}, {}};
  auto loaded = object.type->load(creation, PackedView{saved});
  REQUIRE(loaded);
  object.state.swap(*loaded);
  CHECK(call.ready() == Ints{2, 3, 4, 6, 0});
  (*loaded)->release_some(call.machine(), 100);
}

TEST_CASE("queue: a deleted one frees everything", "[objects]") {
  MachineCalls plain;
  Calls call;
  const std::size_t before = plain.machine().arena().bytes_used();
  fill(call);
  call("queue.put_many", "q", Ints(3'000, 9));
  call("queue.clear", "q");
  call("queue.put", "q", 1);
  call("object.delete", "q");
  for (int i = 0; i < 5; ++i) call("ping");
  call.acknowledge({1, 2, 3});
  CHECK(call.machine().arena().bytes_used() == before);
  call.die(kLink);
}

Packed list(std::initializer_list<Packed> values) {
  std::string out;
  Writer writer{out};
  writer.list(static_cast<std::uint32_t>(values.size()));
  for (const Packed& value : values) writer.packed(value);
  return Packed{out};
}

/// [method, ["q", ...]]
Packed one(const std::string& method, std::initializer_list<Packed> more) {
  std::string out;
  Writer writer{out};
  writer.list(static_cast<std::uint32_t>(more.size() + 1));
  writer.text("q");
  for (const Packed& value : more) writer.packed(value);
  return list({pack(method), Packed{out}});
}

/// Every kind of change, on the queue that `fill` made; the last call fails.
Packed one_of_each() {
  return list({
      one("queue.put", {pack("new"), pack(0), pack(-1)}),
      one("queue.put", {pack("later"), pack(0), pack(3), pack(2)}),
      one("queue.get", {pack(0)}),
      one("queue.get_many", {pack(2), pack(0)}),
      one("queue.touch", {pack(17)}),
      one("queue.requeue", {pack(17), pack(5)}),
      one("queue.requeue", {pack(18)}),
      one("queue.redrive", {pack(2)}),
      one("queue.reserve", {pack(0)}),
      one("queue.reject", {pack(20), pack("why")}),
      one("queue.purge_dead_letters", {}),
      one("queue.reserve", {pack(0), pack(1)}),
      one("queue.acknowledge", {pack(21)}),
      one("queue.task_done", {}),
      one("queue.clear", {}),
      one("queue.put_many", {pack(Ints{7, 8}), pack(0)}),
      one("queue.get_many", {pack(9), pack(0)}),
      one("queue.close", {}),
      one("queue.get", {pack(0)}),
  });
}

TEST_CASE("queue: a failed transaction leaves it unchanged, to the last byte", "[objects]") {
  for (const char* order : {"fifo", "lifo", "priority"}) {
    INFO(order);
    Calls call{order};
    fill(call);
    const std::string saved = call.saved();
    const std::size_t used = call.machine().arena().bytes_used();
    const std::size_t bytes = call.queue().state->bytes();
    const auto alarm = call.queue().alarm;
    const Packed calls = one_of_each();
    call.advance(1);
    const Given given = call.over(kLink, 4, "transaction.run", calls);
    CHECK(given.error == "Empty");
    CHECK(call.saved() == saved);
    CHECK(call.queue().state->bytes() == bytes);
    CHECK(call.queue().alarm == alarm);
    CHECK(call.machine().arena().bytes_used() == used);
    call.acknowledge({3, 4});
    call.die(kLink);
    CHECK(call("queue.size", "q").as<int>() == 4);
  }
}

TEST_CASE("queue: items got by a transaction come back unless its reply was acknowledged",
          "[objects]") {
  Calls call;
  const auto get = std::tuple{"queue.get", std::tuple{"q", 0}};
  const std::vector calls{get, get};
  CHECK(call.over(kLink, 1, "transaction.run", calls).as<Ints>() == Ints{1, 2});
  SECTION("lost") {
    call.die(kLink);
    CHECK(call.ready() == Ints{1, 2, 3, 4, 5});
  }
  SECTION("arrived") {
    call.acknowledge({1});
    call.die(kLink);
    CHECK(call.ready() == Ints{3, 4, 5});
  }
}

TEST_CASE("queue: get_many returns as many items as fit in one reply", "[objects]") {
  MachineInput input;
  input.limits.work_bytes_max = 10'000;
  MachineCalls call{input};
  call("object.create", "queue", "q");
  for (int i = 0; i < 5; ++i) call("queue.put", "q", std::string(4'000, 'x'));
  CHECK(call("queue.get_many", "q", 5).as<std::vector<std::string>>().size() == 2);
  CHECK(call("object.value", "q").error == "TooLarge");
  call("queue.put", "q", std::string(20'000, 'x'));
  CHECK(call("queue.get_many", "q", 3).as<std::vector<std::string>>().size() == 2);
  CHECK(call("queue.get_many", "q", 3).as<std::vector<std::string>>().size() == 1);
  CHECK(call("queue.get_many", "q", 3).as<std::vector<std::string>>().at(0).size() == 20'000);
}

/// A second queue r, empty like q, and a get_any that waits at both, number 1 of the session.
class AnyCalls : public Calls {
 public:
  AnyCalls() {
    (*this)("queue.clear", "q");
    (*this)("object.create", "queue", "r");
    waits = over(kLink, 1, "queue.get_any", names);
  }
  int size(const char* queue) { return (*this)("queue.size", queue).as<int>(); }
  std::uint64_t waiters(const char* queue) {
    return machine().registry().find(std::string_view{queue})->waiters.size();
  }

  const std::vector<std::string> names{"q", "r"};
  Given waits;
};

TEST_CASE("queue.get_any: a waiting call has its item kept over a lost connection", "[objects]") {
  AnyCalls call;
  REQUIRE(call.waits.waits);
  const SessionId session = call.session(kLink);
  call.end(kLink);
  call("queue.put", "r", 8);
  CHECK(call.size("r") == 0);
  call.open(3);
  const std::string id = "s" + std::to_string(session.number);
  const std::string token = call.machine().sessions().find(session)->token;
  REQUIRE(call.over(3, 0, "session.resume", id, token).error.empty());
  auto item = call.over(3, 1, "queue.get_any", call.names).as<std::map<std::string, any>>();
  CHECK(item["queue"] == any("r"));
  CHECK(item["item"] == any(8));
  SECTION("and comes back to its own queue if the reply was not acknowledged") {
    call.die(3);
    CHECK(call.size("q") == 0);
    CHECK(call.size("r") == 1);
  }
  SECTION("and is gone once the reply was acknowledged") {
    call.over(3, 0, "session.acknowledge", 1);
    call.die(3);
    CHECK(call.size("r") == 0);
  }
}

TEST_CASE("queue.get_any: a resent call keeps its places and its deadline", "[objects]") {
  Calls call;
  call("queue.clear", "q");
  call("object.create", "queue", "r");
  const std::vector<std::string> names{"q", "r"};
  REQUIRE(call.over(kLink, 1, "queue.get_any", names, 5).waits);
  const Given behind = call.over(kLink, 2, "queue.get", "r");
  const Given resent = call.over(kLink, 1, "queue.get_any", names, 5);
  REQUIRE(resent.waits);
  call("queue.put", "r", 1);
  CHECK_FALSE(call.arrived(behind.tag));
  CHECK(call.arrived(resent.tag)->error.empty());
  const Given again = call.over(kLink, 3, "queue.get_any", names, 5);
  call.advance(4);
  REQUIRE(call.over(kLink, 3, "queue.get_any", names, 5).waits);
  CHECK_FALSE(call.arrived(again.tag));
  call.advance(1);
  CHECK(call.over(kLink, 3, "queue.get_any", names, 5).error == "Empty");
}

TEST_CASE("queue.get_any: a call that leaves gives up all its places", "[objects]") {
  AnyCalls call;
  CHECK(call.waiters("q") == 1);
  CHECK(call.waiters("r") == 1);
  CHECK(call.machine().waiters().places() == 2);
  SECTION("when it is cancelled") {
    CHECK(call.over(kLink, 0, "session.cancel", 1).as<bool>());
    CHECK(call.arrived(call.waits.tag)->error == "Cancelled");
  }
  SECTION("when its session ends") { call.die(kLink); }
  SECTION("when one of its queues is deleted") {
    call("object.delete", "q");
    CHECK(call.arrived(call.waits.tag)->error == "NotFound");
    call("object.create", "queue", "q");
  }
  SECTION("when it is served") {
    call("queue.put", "q", 1);
    CHECK(call.arrived(call.waits.tag)->error.empty());
  }
  CHECK(call.waiters("q") == 0);
  CHECK(call.waiters("r") == 0);
  CHECK(call.machine().waiters().places() == 0);
  call("queue.put", "q", 2);
  call("queue.put", "r", 3);
  CHECK(call.size("q") == 1);
  CHECK(call.size("r") == 1);
}

TEST_CASE("queue.get_any: each place counts towards the waits of a session", "[objects]") {
  MachineInput input;
  input.limits.session_waits_max = 3;
  MachineCalls call{input};
  call.open(kLink);
  for (const char* name : {"q", "r"}) call("object.create", "queue", name);
  const std::vector<std::string> names{"q", "r"};
  const Given first = call.over(kLink, 0, "queue.get_any", names);
  CHECK(first.waits);
  CHECK(call.over(kLink, 0, "queue.get_any", names).error == "Overloaded");
  CHECK(call.over(kLink, 0, "queue.get", "q").waits);
  CHECK(call.over(kLink, 0, "queue.get", "q").error == "Overloaded");
  call("queue.put", "r", 1);
  CHECK(call.arrived(first.tag));
  CHECK(call.over(kLink, 0, "queue.get_any", names).waits);
}

TEST_CASE("queue: a reason has a bound, and stores nothing beyond the memory cap", "[objects]") {
  MachineInput input;
  input.limits.memory_bytes_max = 4'000;
  MachineCalls call{input};
  call("object.create", "queue", "q");
  call("queue.put_many", "q", Ints{1, 2});
  call("queue.reserve", "q");
  call("queue.reserve", "q");
  CHECK(call("queue.reject", "q", 1, std::string(1'025, 'x')).error == "ValueError");
  while (call("object.create", "latch", "", Ints{1}).error.empty()) {
  }
  CHECK(call("queue.reject", "q", 1, "why").error == "OutOfMemory");
  CHECK(call("queue.reject", "q", 1).error.empty());
  CHECK(call("queue.acknowledge", "q", 2).error.empty());
}

TEST_CASE("queue: NaN is no priority", "[objects]") {
  Calls call{"priority"};
  CHECK(call("queue.put", "q", 9, 0, std::nan("")).error == "ValueError");
  CHECK(call.ready() == Ints{1, 2, 3, 4, 5});
}

}  // namespace
}  // namespace agora::test
