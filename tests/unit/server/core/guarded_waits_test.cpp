// SPDX-License-Identifier: MIT

// Guarded waits: the guard of a waiting call is checked again when the call is served.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/machine_calls.hpp"

namespace agora::test {
namespace {

constexpr std::uint64_t kWaits = 2;  // the link of the waiting calls

/// A test of one waiting method.
struct Waiting {
  void (*prepare)(MachineCalls&);
  Given (*wait)(MachineCalls&);
  void (*serve)(MachineCalls&);
  Given (*look)(MachineCalls&);  ///< reads an int that shows whether something was taken
  int untouched = 0;             ///< that int if the call was refused
  int served = 0;                ///< that int if it was served
};

Given nothing(MachineCalls&) { return {pack(0), "", false}; }

template <typename... Args>
Given waits(MachineCalls& call, std::string_view method, const Args&... arguments) {
  return call.over(kWaits, 0, method, arguments...);
}

template <int n>
Packed maxsize() {
  return pack(std::map<std::string, int>{{"maxsize", n}});
}

// clang-format off: one method a paragraph
const std::map<std::string, Waiting> kWaitings{
    {"queue.get",
     {[](auto& call) { call("object.create", "queue", "x"); },
      [](auto& call) { return waits(call, "queue.get", "x"); },
      [](auto& call) { call("queue.put", "x", 1); },
      [](auto& call) { return call("queue.size", "x"); }, 1, 0}},
    {"queue.get_many",
     {[](auto& call) { call("object.create", "queue", "x"); },
      [](auto& call) { return waits(call, "queue.get_many", "x", 5); },
      [](auto& call) { call("queue.put", "x", 1); },
      [](auto& call) { return call("queue.size", "x"); }, 1, 0}},
    {"queue.reserve",
     {[](auto& call) { call("object.create", "queue", "x"); },
      [](auto& call) { return waits(call, "queue.reserve", "x"); },
      [](auto& call) { call("queue.put", "x", 1); },
      [](auto& call) { return call("queue.size", "x"); }, 1, 0}},
    {"queue.get_any",
     {[](auto& call) {
        call("object.create", "queue", "x");
        call("object.create", "queue", "y");
      },
      [](auto& call) {
        return waits(call, "queue.get_any", std::vector<std::string>{"y", "x"});
      },
      [](auto& call) { call("queue.put", "x", 1); },
      [](auto& call) { return call("queue.size", "x"); }, 1, 0}},
    {"queue.reserve_any",
     {[](auto& call) { call("object.create", "queue", "x"); },
      [](auto& call) { return waits(call, "queue.reserve_any", std::vector<std::string>{"x"}); },
      [](auto& call) { call("queue.put", "x", 1); },
      [](auto& call) { return call("queue.size", "x"); }, 1, 0}},
    {"queue.put",
     {[](auto& call) {
        call("object.create", "queue", "x", std::vector<int>{}, maxsize<1>());
        call("queue.put", "x", 1);
      },
      [](auto& call) { return waits(call, "queue.put", "x", 2); },
      [](auto& call) { call("queue.get", "x"); },
      [](auto& call) { return call("queue.size", "x"); }, 0, 1}},
    {"queue.put_many",
     {[](auto& call) {
        call("object.create", "queue", "x", std::vector<int>{}, maxsize<2>());
        call("queue.put", "x", 1);
      },
      [](auto& call) {
        return waits(call, "queue.put_many", "x", std::vector<int>{2, 3});
      },
      [](auto& call) { call("queue.get", "x"); },
      [](auto& call) { return call("queue.size", "x"); }, 0, 2}},
    {"queue.join",
     {[](auto& call) {
        call("object.create", "queue", "x");
        call("queue.put", "x", 1);
      },
      [](auto& call) { return waits(call, "queue.join", "x"); },
      [](auto& call) { call("queue.task_done", "x"); }, nothing}},
    {"dict.wait_for",
     {[](auto& call) { call("object.create", "dict", "x"); },
      [](auto& call) { return waits(call, "dict.wait_for", "x", "k"); },
      [](auto& call) { call("dict.set", "x", "k", 1); }, nothing}},
    {"pipe.send",
     {[](auto& call) {
        call("object.create", "pipe", "x");
        for (int i = 0; i < 1'024; ++i) call("pipe.send", "x", 0, i);
      },
      [](auto& call) { return waits(call, "pipe.send", "x", 0, 7); },
      [](auto& call) {
        for (int i = 0; i < 1'024; ++i) call("pipe.receive", "x", 1);
      },
      [](auto& call) {
        return call("pipe.receive", "x", 1, 0).error == "Timeout" ? nothing(call)
                                                                  : Given{pack(1), "", false};
      },
      0, 1}},
    {"pipe.receive",
     {[](auto& call) { call("object.create", "pipe", "x"); },
      [](auto& call) { return waits(call, "pipe.receive", "x", 1); },
      [](auto& call) { call("pipe.send", "x", 0, 7); },
      [](auto& call) {
        return call("pipe.receive", "x", 1, 0).error == "Timeout" ? nothing(call)
                                                                  : Given{pack(1), "", false};
      },
      1, 0}},
    {"pipe.poll",
     {[](auto& call) { call("object.create", "pipe", "x"); },
      [](auto& call) { return waits(call, "pipe.poll", "x", 1, 100); },
      [](auto& call) { call("pipe.send", "x", 0, 7); }, nothing}},
    {"lock.acquire",
     {[](auto& call) { call("object.create", "lock", "x"), call("lock.acquire", "x"); },
      [](auto& call) { return waits(call, "lock.acquire", "x"); },
      [](auto& call) { call("lock.release", "x"); },
      [](auto& call) {
        return call("lock.locked", "x").template as<bool>() ? Given{pack(1), "", false}
                                                            : nothing(call);
      },
      0, 1}},
    {"rlock.acquire",
     {[](auto& call) { call("object.create", "rlock", "x"), call("rlock.acquire", "x"); },
      [](auto& call) { return waits(call, "rlock.acquire", "x"); },
      [](auto& call) { call("rlock.release", "x"); },
      [](auto& call) {
        return call("rlock.locked", "x").template as<bool>() ? Given{pack(1), "", false}
                                                             : nothing(call);
      },
      0, 1}},
    {"rwlock.acquire_read",
     {[](auto& call) { call("object.create", "rwlock", "x"), call("rwlock.acquire_write", "x"); },
      [](auto& call) { return waits(call, "rwlock.acquire_read", "x"); },
      [](auto& call) { call("rwlock.release_write", "x"); },
      [](auto& call) {
        return call("rwlock.acquire_write", "x", 0).result.view().is_null()
                   ? Given{pack(1), "", false}
                   : nothing(call);
      },
      0, 1}},
    {"rwlock.acquire_write",
     {[](auto& call) { call("object.create", "rwlock", "x"), call("rwlock.acquire_read", "x"); },
      [](auto& call) { return waits(call, "rwlock.acquire_write", "x"); },
      [](auto& call) { call("rwlock.release_read", "x"); },
      [](auto& call) {
        return call("rwlock.acquire_write", "x", 0).result.view().is_null()
                   ? Given{pack(1), "", false}
                   : nothing(call);
      },
      0, 1}},
    {"semaphore.acquire",
     {[](auto& call) { call("object.create", "semaphore", "x", std::vector<int>{0}); },
      [](auto& call) { return waits(call, "semaphore.acquire", "x"); },
      [](auto& call) { call("semaphore.release", "x"); },
      [](auto& call) { return call("semaphore.value", "x"); }, 1, 0}},
    {"condition.acquire",
     {[](auto& call) { call("object.create", "condition", "x"), call("condition.acquire", "x"); },
      [](auto& call) { return waits(call, "condition.acquire", "x"); },
      [](auto& call) { call("condition.release", "x"); },
      [](auto& call) {
        return call("condition.acquire", "x", 0).result.view().is_null() ? Given{pack(1), "", false}
                                                                         : nothing(call);
      },
      0, 1}},
    {"event.wait",
     {[](auto& call) { call("object.create", "event", "x"); },
      [](auto& call) { return waits(call, "event.wait", "x"); },
      [](auto& call) { call("event.set", "x"); }, nothing}},
    {"latch.wait",
     {[](auto& call) { call("object.create", "latch", "x", std::vector<int>{1}); },
      [](auto& call) { return waits(call, "latch.wait", "x"); },
      [](auto& call) { call("latch.count_down", "x"); }, nothing}},
    {"counter.wait_at_least",
     {[](auto& call) { call("object.create", "counter", "x"); },
      [](auto& call) { return waits(call, "counter.wait_at_least", "x", 1); },
      [](auto& call) { call("counter.add", "x"); }, nothing}},
};
// clang-format on

/// Runs one test: a call waits under a guard, whose lock is released if `stale`; then it is served.
struct GuardedWait {
  explicit GuardedWait(const Waiting& waiting, bool stale) {
    call.open(kWaits);
    call("object.create", "lock", "g");
    call.over(kWaits, 0, "lock.acquire", "g");
    const std::vector<Holder> holders = holders_of(*call.machine().registry().find("g")->state);
    waiting.prepare(call);
    call.guard_next("g", holders.front().token);
    const Given first = waiting.wait(call);
    REQUIRE(first.waits);
    if (stale) call.over(kWaits, 0, "lock.release", "g");
    REQUIRE_FALSE(call.arrived(first.tag));
    waiting.serve(call);
    const auto reply = call.arrived(first.tag);
    REQUIRE(reply);
    given = *reply;
  }
  MachineCalls call;
  Given given;
};

}  // namespace

TEST_CASE("guarded wait: a call whose guard has become stale is refused and takes nothing",
          "[core]") {
  for (const auto& [method, waiting] : kWaitings) {
    INFO(method);
    GuardedWait wait{waiting, true};
    CHECK(wait.given.error == "StaleToken");
    CHECK(waiting.look(wait.call).as<int>() == waiting.untouched);
  }
}

TEST_CASE("guarded wait: a call whose guard still stands is served", "[core]") {
  for (const auto& [method, waiting] : kWaitings) {
    INFO(method);
    GuardedWait wait{waiting, false};
    CHECK(wait.given.error.empty());
    CHECK(waiting.look(wait.call).as<int>() == waiting.served);
  }
}

TEST_CASE("guarded wait: every waiting method has a test", "[core]") {
  // These have their effect before they wait: the lock is released, the party counted. See below.
  const std::set<std::string> acts_at_once{"condition.wait", "barrier.wait"};
  for (const ObjectType* type : all_types()) {
    for (const Method& method : type->methods) {
      const std::string name = std::string{type->name} + "." + std::string{method.name};
      INFO(name);
      CHECK((!method.waits() || acts_at_once.contains(name) || kWaitings.contains(name)));
    }
  }
}

TEST_CASE("guarded wait: a stale guard at the front does not block the next waiter", "[core]") {
  MachineCalls call;
  call.open(kWaits);
  call("object.create", "lock", "g");
  const Given grant = call.over(kWaits, 0, "lock.acquire", "g");
  const std::vector<Holder> holders = holders_of(*call.machine().registry().find("g")->state);
  call("object.create", "queue", "q");
  std::vector<std::uint64_t> guarded;
  for (int i = 0; i < 3; ++i) {
    call.guard_next("g", holders.front().token);
    guarded.push_back(waits(call, "queue.get", "q").tag);
  }
  const Given behind = waits(call, "queue.get", "q");
  call.over(kWaits, 0, "lock.release", "g");
  call("queue.put", "q", 7);
  for (const std::uint64_t tag : guarded) CHECK(call.arrived(tag)->error == "StaleToken");
  CHECK(call.arrived(behind.tag)->as<int>() == 7);
}

TEST_CASE("condition.wait: it reacquires its lock though its guard names the old grant", "[core]") {
  MachineCalls call;
  call.open(kWaits);
  call("object.create", "rlock", "g");
  call("object.create", "condition", "c", std::vector<int>{},
       pack(std::map<std::string, std::string>{{"lock", "g"}}));
  call.over(kWaits, 0, "rlock.acquire", "g");
  const std::vector<Holder> holders = holders_of(*call.machine().registry().find("g")->state);
  call.guard_next("g", holders.front().token);
  const Given waiting = waits(call, "condition.wait", "c");
  call("rlock.acquire", "g");
  call("condition.notify", "c");
  call("rlock.release", "g");
  CHECK(call.arrived(waiting.tag)->as<bool>());
}

TEST_CASE("barrier.wait: a party counts even if its guard becomes stale", "[core]") {
  MachineCalls call;
  call.open(kWaits);
  call("object.create", "lock", "g");
  call("object.create", "barrier", "b", std::vector<int>{2});
  call.over(kWaits, 0, "lock.acquire", "g");
  const std::vector<Holder> holders = holders_of(*call.machine().registry().find("g")->state);
  call.guard_next("g", holders.front().token);
  const Given waiting = waits(call, "barrier.wait", "b");
  call.over(kWaits, 0, "lock.release", "g");
  CHECK(call("barrier.wait", "b").as<int>() == 1);
  CHECK(call.arrived(waiting.tag)->as<int>() == 0);
}

}  // namespace agora::test
