// SPDX-License-Identifier: MIT

// A notify whose receiver is cancelled before it has the lock again. (Deaths and time-outs are in
// the transcript condition_notify_passes and in the model of the condition.)

#include "tests/support/catch.hpp"
#include "tests/support/machine_calls.hpp"

namespace agora::test {
namespace {

TEST_CASE("condition: the notify of a cancelled wait passes to the next waiter", "[objects]") {
  MachineCalls call;
  call("object.create", "condition", "c");
  for (const std::uint64_t link : {2U, 3U, 4U}) call.open(link);
  call.over(2, 0, "session.open");
  call.over(2, 1, "condition.acquire", "c");
  const Given first = call.over(2, 2, "condition.wait", "c");
  call.over(3, 0, "condition.acquire", "c");
  const Given second = call.over(3, 0, "condition.wait", "c");
  call("condition.acquire", "c");
  call("condition.notify", "c");
  CHECK(call.over(2, 3, "session.cancel", 2).as<bool>());
  CHECK(call.arrived(first.tag)->error == "Cancelled");
  CHECK_FALSE(call.arrived(second.tag));
  call("condition.release", "c");
  const auto woken = call.arrived(second.tag);
  REQUIRE(woken);
  CHECK(woken->as<bool>());
}

TEST_CASE("condition: the notify of a cut connection's wait passes to the next waiter",
          "[objects]") {
  MachineCalls call;
  call("object.create", "condition", "c");
  for (const std::uint64_t link : {2U, 3U}) call.open(link);
  // Both waits of the lost connection go: one after the other gets the notify and passes it on.
  for (const char* owner : {"a", "b"}) {
    call.over(2, 0, "condition.acquire", "c", nullptr, owner);
    REQUIRE(call.over(2, 0, "condition.wait", "c", nullptr, owner).waits);
  }
  call.over(3, 0, "condition.acquire", "c");
  const Given last = call.over(3, 0, "condition.wait", "c");
  call("condition.acquire", "c");
  call("condition.notify", "c");
  call.end(2);
  call("condition.release", "c");
  const auto woken = call.arrived(last.tag);
  REQUIRE(woken);
  CHECK(woken->as<bool>());
}

TEST_CASE("condition: a wait that was not notified passes nothing on when it is cancelled",
          "[objects]") {
  MachineCalls call;
  call("object.create", "condition", "c");
  for (const std::uint64_t link : {2U, 3U}) call.open(link);
  call.over(2, 0, "session.open");
  call.over(2, 1, "condition.acquire", "c");
  call.over(2, 2, "condition.wait", "c", 1);
  call.over(3, 0, "condition.acquire", "c");
  const Given second = call.over(3, 0, "condition.wait", "c");
  call("condition.acquire", "c");
  call.advance(1);  // the first wait only reacquires the lock now
  CHECK(call.over(2, 3, "session.cancel", 2).as<bool>());
  call("condition.release", "c");
  CHECK_FALSE(call.arrived(second.tag));
}

}  // namespace
}  // namespace agora::test
