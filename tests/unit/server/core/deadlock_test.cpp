// SPDX-License-Identifier: MIT

// The error Deadlock, and cycles in which one owner has two waits at once. The other cases are in
// tests/transcripts/deadlock*.txt.

#include <map>
#include <string>
#include <vector>

#include "server/core/methods/scalar.hpp"
#include "shared/value/describe.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/machine_calls.hpp"

namespace agora::test {
namespace {

TEST_CASE("deadlock: the error names all waits of the cycle, the closing call first", "[objects]") {
  MachineCalls call;
  call("object.create", "lock", "a");
  call("object.create", "lock", "b");
  call("lock.acquire", "a", nullptr, "one");
  call("lock.acquire", "b", nullptr, "two");
  REQUIRE(call("lock.acquire", "b", nullptr, "one").waits);
  REQUIRE(call("lock.acquire", "a", nullptr, "two").error == "Deadlock");

  const Error& error = *call.effects().list.back().error;
  CHECK(error.done == Done::no);
  REQUIRE(error.details.size() == 2);
  REQUIRE(error.details[0].name == "cycle");
  const PackedView cycle{error.details[0].packed};
  Reader reader{cycle};
  Token token;
  REQUIRE(reader.next(token) == Reader::Status::ok);
  REQUIRE(token.count == 2);
  const char* const entries[2][2] = {{"two", "a"}, {"one", "b"}};
  for (const auto& entry : entries) {
    REQUIRE(reader.next(token) == Reader::Status::ok);
    REQUIRE(token.count == 5);
    std::map<std::string, std::string> found;
    for (int i = 0; i < 5; ++i) {
      const std::string key{read(reader.value()).body};
      found[key] = describe(reader.value());
    }
    const std::map<std::string, std::string> expected{
        {"session", "text \"s1\""},
        {"host", "text \"\""},
        {"pid", "null"},
        {"owner", "text \"" + std::string{entry[0]} + "\""},
        {"lock", "text \"" + std::string{entry[1]} + "\""}};
    CHECK(found == expected);
  }
}

/// Returns the state of a waiting call: "waits", its error's type or its result.
std::string state_of(MachineCalls& call, const Given& waiting) {
  const auto given = call.arrived(waiting.tag);
  if (!given) return "waits";
  return given->error.empty() ? describe(given->result) : given->error;
}

TEST_CASE(
    "deadlock: a grant to an owner that waits elsewhere may close a cycle; the newest acquire gets "
    "the error",
    "[objects]") {
  MachineCalls call;
  for (const char* name : {"l", "m"}) call("object.create", "lock", name);
  call("lock.acquire", "l", nullptr, "a");
  call("lock.acquire", "m", nullptr, "c");
  const Given b_l = call("lock.acquire", "l", nullptr, "b");
  const Given b_m = call("lock.acquire", "m", nullptr, "b");
  const Given c_l = call("lock.acquire", "l", 50, "c");
  CHECK(state_of(call, c_l) == "waits");
  call("lock.release", "l", "a");
  CHECK(state_of(call, b_l) == "map");
  CHECK(state_of(call, c_l) == "Deadlock");
  CHECK(state_of(call, b_m) == "waits");
  call("lock.release", "m", "c");
  CHECK(state_of(call, b_m) == "map");
}

TEST_CASE("deadlock: the second of two acquires by one owner waits for its own owner",
          "[objects]") {
  MachineCalls call;
  call("object.create", "lock", "l");
  call("lock.acquire", "l", nullptr, "a");
  const Given first = call("lock.acquire", "l", nullptr, "b");
  const Given second = call("lock.acquire", "l", nullptr, "b");
  CHECK(state_of(call, second) == "waits");
  call("lock.release", "l", "a");
  CHECK(state_of(call, first) == "map");
  CHECK(state_of(call, second) == "Deadlock");
}

TEST_CASE("rlock and rwlock: a granted owner also gets its later requests, past the queue",
          "[objects]") {
  MachineCalls call;
  const char* const names[2][3] = {{"rlock", "acquire", "release"},
                                   {"rwlock", "acquire_read", "release_write"}};
  for (const auto& [type, acquire, release] : names) {
    INFO(type);
    const std::string prefix = std::string{type} + ".";
    const bool is_rlock = prefix == "rlock.";
    const std::string exclusive = prefix + (is_rlock ? "acquire" : "acquire_write");
    call("object.create", type, type);
    call(exclusive, type, nullptr, "a");
    const Given first = call(prefix + acquire, type, nullptr, "b");
    const Given other = call(exclusive, type, nullptr, "c");
    const Given second = call(prefix + acquire, type, nullptr, "b");
    call(prefix + release, type, "a");
    CHECK(state_of(call, first) == "map");
    CHECK(state_of(call, second) == "map");
    CHECK(state_of(call, other) == "waits");
    const std::string back = prefix + (is_rlock ? "release" : "release_read");
    CHECK(call(back, type, "b").error.empty());
    CHECK(state_of(call, other) == "waits");
    CHECK(call(back, type, "b").error.empty());
    CHECK(state_of(call, other) == "map");
  }
}

TEST_CASE(
    "deadlock: a cycle of only condition.waits that reacquire their locks stays and is visible",
    "[objects]") {
  MachineCalls call;
  for (const char* name : {"x", "y"}) {
    call("object.create", "lock", name);
    call("object.create", "condition", std::string{"c"} + name, std::vector<int>{},
         std::map<std::string, std::string>{{"lock", name}});
  }
  call("lock.acquire", "x", nullptr, "b");
  const Given b_waits = call("condition.wait", "cx", 1, "b");
  call("lock.acquire", "x", nullptr, "c");
  call("lock.acquire", "y", nullptr, "c");
  const Given c_waits = call("condition.wait", "cy", 1, "c");
  call("lock.acquire", "y", nullptr, "b");
  call.advance(1);
  CHECK(state_of(call, b_waits) == "waits");
  CHECK(state_of(call, c_waits) == "waits");
  CHECK(call("server.waits", "dot").as<std::string>() ==
        "digraph waits {\n  \"s1\" -> \"s1\" [label=\"x\"];\n"
        "  \"s1\" -> \"s1\" [label=\"y\"];\n}\n");
  // A new acquire that only waits for them closes no cycle.
  CHECK(call("lock.acquire", "x", nullptr, "d").waits);
  call("lock.release", "x", "c");
  CHECK(state_of(call, b_waits) == "bool false");
}

}  // namespace
}  // namespace agora::test
