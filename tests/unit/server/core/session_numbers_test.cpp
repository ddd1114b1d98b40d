// Numbered calls of an opened session, straight into the machine: each takes effect at most once,
// its reply is kept until acknowledged, and what waits stays through it all.

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

TEST_CASE("A changing call that is sent again gives its first reply", "[core]") {
  Calls call;
  CHECK(call.numbered(1, "dict.add", "d", "n").as<int>() == 1);
  CHECK(call.numbered(1, "dict.add", "d", "n").as<int>() == 1);
  CHECK(call.numbered(2, "dict.delete", "d", "missing").error == "KeyError");
  call("dict.set", "d", "missing", 1);
  CHECK(call.numbered(2, "dict.delete", "d", "missing").error == "KeyError");
  CHECK(call("dict.get", "d", "n").as<int>() == 1);
}

TEST_CASE("A reading call that is sent again reads again", "[core]") {
  Calls call;
  call("dict.set", "d", "k", 1);
  CHECK(call.numbered(1, "dict.get", "d", "k").as<int>() == 1);
  call("dict.set", "d", "k", 2);
  CHECK(call.numbered(1, "dict.get", "d", "k").as<int>() == 2);
}

TEST_CASE("An acknowledged or skipped number is refused and not run", "[core]") {
  Calls call;
  call.numbered(5, "dict.add", "d", "n");
  CHECK(call.numbered(3, "dict.add", "d", "n").error == "InvalidRequest");
  call.over(kLink, 0, "session.acknowledge", 5);
  CHECK(call.numbered(5, "dict.add", "d", "n").error == "InvalidRequest");
  CHECK(call.numbered(4, "dict.get", "d", "n").error == "InvalidRequest");
  CHECK(call("dict.get", "d", "n").as<int>() == 1);
}

TEST_CASE("A full backlog refuses changes, which do not count as seen", "[core]") {
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

TEST_CASE("A call that waits below what is acknowledged is answered all the same", "[core]") {
  Calls call;
  call("object.create", "queue", "q");
  const Given waiting = call.numbered(1, "queue.get", "q");
  REQUIRE(waiting.waits);
  call.numbered(2, "dict.add", "d", "n");
  call.over(kLink, 0, "session.acknowledge", 2);
  CHECK(call.numbered(1, "queue.get", "q").waits);
  call("queue.put", "q", 7);
  // The resend's mark is answered, the first one is not.
  CHECK_FALSE(call.arrived(waiting.tag));
  // Acknowledged before it was there, its item is not kept for the session's end.
  call.die(kLink);
  CHECK(call("queue.size", "q").as<int>() == 0);
}

TEST_CASE("A resend waits in the place of the first", "[core]") {
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

}  // namespace
}  // namespace agora::test
