// SPDX-License-Identifier: MIT

// Leases of locks: extend, guards, and grants taken in shared memory. Transcripts cannot name a
// token, so what needs one is tested here.

#include "tests/support/catch.hpp"
#include "tests/support/machine_calls.hpp"

namespace agora::test {
namespace {

std::uint64_t token_of(const Given& grant) {
  Reader reader{grant.result};
  Token token;
  static_cast<void>(reader.next(token));
  static_cast<void>(reader.next(token));
  static_cast<void>(reader.next(token));
  return token.natural;
}

const std::nullptr_t kNone = nullptr;

TEST_CASE("lease: extend sets the end of a grant anew, and null takes it away", "[objects]") {
  MachineCalls call;
  for (const char* type : {"lock", "rlock"}) {
    INFO(type);
    const std::string name = std::string{"the "} + type;
    const auto method = [&](const char* its) { return std::string{type} + "." + its; };
    call("object.create", type, name);
    const std::uint64_t token = token_of(call(method("acquire"), name, 0, "", 2));
    const std::uint64_t version = call("object.version", name).as<std::uint64_t>();
    call.advance(1);
    CHECK(call(method("extend"), name, token, 2).error.empty());
    CHECK(call("object.version", name).as<std::uint64_t>() == version);
    call.advance(1.5);
    CHECK(call(method("locked"), name).as<bool>());
    CHECK(call(method("extend"), name, token, kNone).error.empty());
    call.advance(1000);
    CHECK(call(method("locked"), name).as<bool>());
    CHECK(call(method("extend"), name, token, 0.5).error.empty());
    call.advance(0.5);
    CHECK_FALSE(call(method("locked"), name).as<bool>());
    CHECK(call(method("extend"), name, token, 1).error == "StaleToken");
  }
}

TEST_CASE("lease: only the owner's session extends, unless owners are not checked", "[objects]") {
  MachineCalls call;
  call.open(2);
  call("object.create", "lock", "l");
  const std::uint64_t token = token_of(call("lock.acquire", "l", 0, "a thread"));
  CHECK(call.over(2, 0, "lock.extend", "l", token, 1).error == "NotOwner");
  CHECK(call.over(2, 0, "lock.extend", "l", token + 1, 1).error == "StaleToken");
  CHECK(call("lock.extend", "l", token, 1).error.empty());
  call.advance(1);
  CHECK_FALSE(call("lock.locked", "l").as<bool>());

  call("object.create", "lock", "u", std::vector<int>{},
       std::map<std::string, bool>{{"owner_checked", false}});
  const std::uint64_t other = token_of(call("lock.acquire", "u"));
  CHECK(call.over(2, 0, "lock.extend", "u", other, 1).error.empty());
  call.advance(1);
  CHECK_FALSE(call("lock.locked", "u").as<bool>());
}

TEST_CASE("lease: guards refuse a grant whose lease is over, also for calls that wait",
          "[objects]") {
  MachineCalls call;
  call.open(2);
  call("object.create", "lock", "l");
  call("object.create", "counter", "n");
  call("object.create", "queue", "q");
  const std::uint64_t token = token_of(call("lock.acquire", "l", 0, "", 1));
  call.guard_next("l", token);
  CHECK(call("counter.add", "n", 1).error.empty());
  call.guard_next("l", token);
  const Given waiting = call("queue.get", "q");
  REQUIRE(waiting.waits);
  const Given behind = call.over(2, 0, "queue.get", "q");
  REQUIRE(behind.waits);
  call.advance(1);
  call.guard_next("l", token);
  CHECK(call("counter.add", "n", 1).error == "StaleToken");
  call("queue.put", "q", 7);
  CHECK(call.arrived(waiting.tag)->error == "StaleToken");
  CHECK(call.arrived(behind.tag)->as<int>() == 7);
}

TEST_CASE("lease: extend in a transaction is rolled back with it", "[objects]") {
  MachineCalls call;
  call("object.create", "lock", "l");
  const std::uint64_t token = token_of(call("lock.acquire", "l", 0, "", 2));
  const auto run = [&](const char* second) {
    std::string calls;
    Writer out{calls};
    out.list(2);
    out.list(2), out.text("lock.extend");
    out.list(3), out.text("l"), out.unsigned_integer(token), out.integer(50);
    out.list(2), out.text(second);
    out.list(1), out.text("l");
    return call("transaction.run", Packed{calls}).error;
  };
  CHECK(run("lock.no_such_method") == "MethodNotFound");
  call.advance(1.5);
  CHECK(call("lock.locked", "l").as<bool>());
  CHECK(run("lock.locked").empty());
  call.advance(1);
  CHECK(call("lock.locked", "l").as<bool>());
  call.advance(49);
  CHECK_FALSE(call("lock.locked", "l").as<bool>());
}

TEST_CASE("lease: a lock without leases has no deadline", "[objects]") {
  MachineCalls call;
  call("object.create", "lock", "l");
  const std::uint64_t token = token_of(call("lock.acquire", "l"));
  CHECK_FALSE(call.machine().next_deadline());
  call("lock.extend", "l", token, 5);
  CHECK(call.machine().next_deadline() == call.machine().now() + std::chrono::seconds{5});
  call("lock.release", "l");
  CHECK_FALSE(call.machine().next_deadline());
}

}  // namespace
}  // namespace agora::test
