// SPDX-License-Identifier: MIT

// Numbered calls of an opened session: each takes effect at most once, its reply is kept until the
// client acknowledges it, and a waiting call survives acknowledgements.

#include <string>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/machine_calls.hpp"

namespace agora::test {
namespace {

using Numbers = std::vector<std::uint64_t>;

constexpr std::uint64_t kLink = 2;

class Calls : public MachineCalls {
 public:
  explicit Calls(MachineInput input = {}) : MachineCalls(std::move(input)) {
    (*this)("object.create", "dict", "d");
    open(kLink);
    over(kLink, 0, "session.open", 3600);
  }
  template <typename... Args>
  Given numbered(std::uint64_t number, std::string_view method, const Args&... arguments) {
    return over(kLink, number, method, arguments...);
  }
};

TEST_CASE("resent call: a changing one gets its first reply", "[core]") {
  Calls call;
  CHECK(call.numbered(1, "dict.add", "d", "n").as<int>() == 1);
  CHECK(call.numbered(1, "dict.add", "d", "n").as<int>() == 1);
  CHECK(call.numbered(2, "dict.delete", "d", "missing").error == "KeyError");
  call("dict.set", "d", "missing", 1);
  CHECK(call.numbered(2, "dict.delete", "d", "missing").error == "KeyError");
  CHECK(call("dict.get", "d", "n").as<int>() == 1);
}

TEST_CASE("resent call: a reading one reads again", "[core]") {
  Calls call;
  call("dict.set", "d", "k", 1);
  CHECK(call.numbered(1, "dict.get", "d", "k").as<int>() == 1);
  call("dict.set", "d", "k", 2);
  CHECK(call.numbered(1, "dict.get", "d", "k").as<int>() == 2);
}

TEST_CASE("call number: an acknowledged or skipped one is refused and not run", "[core]") {
  Calls call;
  call.numbered(5, "dict.add", "d", "n");
  CHECK(call.numbered(3, "dict.add", "d", "n").error == "InvalidRequest");
  call.over(kLink, 0, "session.acknowledge", 5);
  CHECK(call.numbered(5, "dict.add", "d", "n").error == "InvalidRequest");
  CHECK(call.numbered(4, "dict.get", "d", "n").error == "InvalidRequest");
  CHECK(call("dict.get", "d", "n").as<int>() == 1);
}

TEST_CASE("backlog: a full one refuses changing calls and does not use up their numbers",
          "[core]") {
  MachineInput input;
  input.limits.kept_replies_max = 2;
  Calls call{input};
  const Given waiting = call.numbered(1, "dict.wait_for", "d", "late");
  CHECK(waiting.waits);
  call.numbered(2, "dict.add", "d", "n");
  call.numbered(3, "dict.add", "d", "n");
  CHECK(call.numbered(4, "dict.add", "d", "n").error == "SessionBacklog");
  CHECK(call.numbered(4, "dict.get", "d", "n").as<int>() == 2);
  CHECK(call.numbered(5, "dict.add", "d", "n").error == "SessionBacklog");
  call.over(kLink, 0, "session.acknowledge", 0, Numbers{2});
  CHECK(call.numbered(5, "dict.add", "d", "n").as<int>() == 3);
}

TEST_CASE("waiting call: it is answered even if later calls are acknowledged", "[core]") {
  Calls call;
  call("object.create", "queue", "q");
  const Given waiting = call.numbered(1, "queue.get", "q");
  REQUIRE(waiting.waits);
  call.numbered(2, "dict.add", "d", "n");
  call.over(kLink, 0, "session.acknowledge", 2);
  CHECK(call.numbered(1, "queue.get", "q").waits);
  call("queue.put", "q", 7);
  // The reply has the tag of the resent call.
  CHECK_FALSE(call.arrived(waiting.tag));
  // Its number was acknowledged before the reply: the session's end does not take the item back.
  call.die(kLink);
  CHECK(call("queue.size", "q").as<int>() == 0);
}

TEST_CASE("resent call: a waiting one keeps its place in the queue", "[core]") {
  Calls call;
  call("object.create", "queue", "q");
  call.numbered(1, "queue.get", "q");
  const Given other = call("queue.get", "q");
  const Given again = call.numbered(1, "queue.get", "q");
  REQUIRE(again.waits);
  call("queue.put", "q", 1);
  REQUIRE_FALSE(call.arrived(other.tag));
  CHECK(call.arrived(again.tag)->as<int>() == 1);
}

TEST_CASE("notification: it takes no items and gets no reservations", "[core]") {
  Calls call;
  call("object.create", "queue", "q");
  call("queue.put", "q", 7);
  for (const std::string_view method : {"queue.get", "queue.reserve"}) {
    call.numbered(Calls::kNotification, method, "q");
  }
  call.numbered(Calls::kNotification, "queue.get_many", "q", 1);
  CHECK(call("queue.size", "q").as<int>() == 1);

  const auto with = [](std::string_view method) {
    return std::vector<std::pair<std::string, std::pair<std::string, int>>>{
        {std::string{method}, {"q", 0}}};
  };
  call.numbered(Calls::kNotification, "transaction.run", with("queue.get"));
  CHECK(call("queue.size", "q").as<int>() == 1);

  // It does not wait either: the next item goes to another call.
  call("queue.get", "q");
  call.numbered(Calls::kNotification, "queue.get", "q");
  call("queue.put", "q", 8);
  CHECK(call("queue.get", "q", 0).as<int>() == 8);
}

TEST_CASE("notification: it gets no hold on an anonymous object that it makes or reads", "[core]") {
  Calls call;
  const std::size_t before = call.machine().registry().size();
  call.numbered(Calls::kNotification, "object.create", "list");
  call.idle();
  CHECK(call.machine().registry().size() == before);

  const auto name = call.numbered(1, "object.create", "list").result;
  call.numbered(2, "dict.set", "d", "k", name);
  call.numbered(Calls::kNotification, "dict.get", "d", "k");
  call.numbered(3, "object.release", name);
  call.numbered(4, "dict.delete", "d", "k");
  call.idle();
  CHECK(call.machine().registry().size() == before);
}

TEST_CASE("notification: it still changes objects and waits for locks", "[core]") {
  Calls call;
  call.numbered(Calls::kNotification, "dict.set", "d", "k", 1);
  CHECK(call("dict.get", "d", "k").as<int>() == 1);
  call("object.create", "lock", "l");
  call("lock.acquire", "l");
  call.numbered(Calls::kNotification, "lock.acquire", "l");
  call("lock.release", "l");
  CHECK(call.numbered(1, "lock.release", "l").error.empty());
}

TEST_CASE("session.cancel: it finds the oldest call with an id, also among many", "[core]") {
  MachineCalls call;
  call.open(kLink);  // a plain session: ids may repeat
  call("object.create", "event", "e");
  std::vector<std::uint64_t> tags;
  for (std::uint64_t i = 0; i < 100; ++i) {
    tags.push_back(call.over(kLink, 1 + i % 50, "event.wait", "e").tag);
  }
  CHECK(call.over(kLink, 0, "session.cancel", 8).as<bool>());
  CHECK(call.arrived(tags[7])->error == "Cancelled");
  tags.push_back(call.over(kLink, 8, "event.wait", "e").tag);
  CHECK(call.over(kLink, 0, "session.cancel", 8).as<bool>());
  CHECK(call.arrived(tags[57])->error == "Cancelled");
  CHECK(call.over(kLink, 0, "session.cancel", 8).as<bool>());
  CHECK(call.arrived(tags[100])->error == "Cancelled");
  CHECK_FALSE(call.over(kLink, 0, "session.cancel", 8).as<bool>());
  call("event.set", "e");
  CHECK_FALSE(call.over(kLink, 0, "session.cancel", 9).as<bool>());
}

}  // namespace
}  // namespace agora::test
