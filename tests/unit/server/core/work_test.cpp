// SPDX-License-Identifier: MIT

// Work: every call is counted in units, a transaction has a budget of them, and no call costs more
// than its row says. The tests count units; none looks at a clock.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "shared/value/any.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/machine_calls.hpp"

namespace agora::test {
namespace {

/// Returns the units of work of one call.
template <typename... Args>
std::uint64_t units_of(MachineCalls& call, std::string_view method, const Args&... arguments) {
  const std::uint64_t before = call.machine().work();
  call(method, arguments...);
  return call.machine().work() - before;
}

MachineInput with(const Limits& limits) {
  MachineInput input;
  input.limits = limits;
  return input;
}

/// Returns the arguments of object.create for an object with that content.
template <typename T>
std::vector<T> with_content(const T& content) {
  return std::vector<T>(1, content);
}

std::vector<std::int64_t> numbers(std::int64_t count) {
  std::vector<std::int64_t> all;
  for (std::int64_t i = 0; i < count; ++i) all.push_back(i);
  return all;
}

TEST_CASE("list.count: the needle's key is made once, not for each element", "[objects]") {
  MachineCalls call;
  call("object.create", "list", "l", with_content(numbers(1'000)));
  const std::uint64_t small = units_of(call, "list.count", "l", std::vector<double>(10, 1.0));
  const std::uint64_t large = units_of(call, "list.count", "l", std::vector<double>(10'000, 1.0));
  CHECK(large < 2 * small);
  CHECK(large >= 1'000);
}

TEST_CASE("list search: elements that could equal the needle are counted by their bytes",
          "[objects]") {
  MachineCalls call;
  const std::vector<double> element(1'000, 1.0);
  call("object.create", "list", "l", with_content(std::vector<std::vector<double>>(10, element)));
  CHECK(units_of(call, "list.count", "l", element) > 10 * 1'000);
  CHECK(units_of(call, "list.count", "l", std::vector<double>(10, 1.0)) < 100);
  CHECK(call("list.count", "l", element).as<int>() == 10);
  CHECK(call("list.count", "l", std::vector<int>(1'000, 1)).as<int>() == 10);
}

TEST_CASE("list search: a list that is too long is searched in parts", "[objects]") {
  Limits limits;
  limits.work_elements_max = 100;
  MachineCalls call{with(limits)};
  call("object.create", "list", "l", with_content(numbers(90)));
  call("list.extend", "l", numbers(90));
  CHECK(call("list.index", "l", 89).as<int>() == 89);
  CHECK(call("list.contains", "l", 89).as<bool>());
  CHECK(call("list.index", "l", -1).error == "TooLarge");
  CHECK(call("list.contains", "l", -1).error == "TooLarge");
  CHECK(call("list.remove", "l", -1).error == "TooLarge");
  CHECK(call("list.count", "l", 1).error == "TooLarge");
  CHECK(call("list.index", "l", 5, 90, 180).as<int>() == 95);
  CHECK(call("list.index", "l", -1, 90, 180).error == "ValueError");
  CHECK(call("list.delete_slice", "l", 0, 101, nullptr).error == "TooLarge");
  CHECK(call("list.len", "l").as<int>() == 180);
  CHECK(call("list.delete_slice", "l", nullptr, nullptr, nullptr).error.empty());
  CHECK(call("list.len", "l").as<int>() == 0);
}

TEST_CASE("transaction: one that costs too much work is undone with TooLarge", "[objects]") {
  Limits limits;
  limits.transaction_work_max = 10'000;
  MachineCalls call{with(limits)};
  call("object.create", "list", "l", with_content(numbers(1'000)));
  const auto counts = [](std::size_t n) {
    std::vector<any> calls{
        any(std::vector<any>{any("list.append"), any(std::vector<any>{any("l"), any(7)})})};
    for (std::size_t i = 0; i < n; ++i) {
      calls.emplace_back(
          std::vector<any>{any("list.count"), any(std::vector<any>{any("l"), any(-1)})});
    }
    return calls;
  };
  CHECK(call("transaction.run", counts(9)).error.empty());
  CHECK(call("list.len", "l").as<int>() == 1'001);
  CHECK(call("transaction.run", counts(10)).error == "TooLarge");
  CHECK(call("list.len", "l").as<int>() == 1'001);
  // A call outside of a transaction is not bounded by it, and the next transaction begins anew.
  for (int i = 0; i < 20; ++i) CHECK(call("list.count", "l", -1).error.empty());
  CHECK(call("transaction.run", counts(8)).error.empty());
  CHECK(call("list.len", "l").as<int>() == 1'002);
}

TEST_CASE("transaction: many cheap calls are bounded, too", "[objects]") {
  Limits limits;
  limits.transaction_work_max = 10'000;
  MachineCalls call{with(limits)};
  call("object.create", "dict", "d");
  const any set{std::vector<any>{any("dict.set"), any(std::vector<any>{any("d"), any(1), any(2)})}};
  CHECK(call("transaction.run", std::vector<any>(1'000, set)).error == "TooLarge");
  CHECK(call("dict.len", "d").as<int>() == 0);
  CHECK(call("transaction.run", std::vector<any>(100, set)).error.empty());
}

TEST_CASE("object.list: a pattern is no longer than a name", "[objects]") {
  MachineCalls call;
  CHECK(call("object.list", std::string(512, '*')).error.empty());
  CHECK(call("object.list", std::string(513, '*')).error == "ValueError");
  CHECK(call("object.watch_names", std::string(513, '*')).error == "ValueError");
}

TEST_CASE("object.list: stars of a pattern do not add to its cost", "[objects]") {
  MachineCalls call;
  for (int i = 0; i < 200; ++i) call("object.create", "event", "name-" + std::to_string(i));
  const std::uint64_t one = units_of(call, "object.list", "*x");
  const std::uint64_t many = units_of(call, "object.list", std::string(500, '*') + "x");
  CHECK(many == one);
}

TEST_CASE("object.list: one call looks at a bounded number of objects and gives a cursor",
          "[objects]") {
  Limits limits;
  limits.work_elements_max = 1'600;
  MachineCalls call{with(limits)};
  for (int i = 1'000; i < 1'500; ++i) call("object.create", "event", std::to_string(i));
  std::size_t found = 0;
  std::size_t calls = 0;
  any cursor;
  do {
    const std::uint64_t before = call.machine().work();
    const Given page = call("object.list", "1?9?", nullptr, pack(cursor), 1'000);
    REQUIRE(page.error.empty());
    CHECK(call.machine().work() - before < 2'000);
    auto members = page.as<std::map<std::string, any>>();
    found += members["items"].get<std::vector<any>>()->size();
    cursor = members["cursor"];
    ++calls;
  } while (!cursor.is_null());
  CHECK(found == 50);
  CHECK(calls >= 5);
  CHECK(calls < 10);
}

/// Returns the units of an acquire that walks a graph of so many owners: all of them hold one
/// readers-writer lock and wait for another one.
std::uint64_t units_of_search(int owners) {
  MachineCalls call;
  call.open(2);
  call("object.create", "rwlock", "a");
  call("object.create", "rwlock", "b");
  call("object.create", "lock", "m");
  call.over(2, 0, "rwlock.acquire_write", "b");
  for (int i = 0; i < owners; ++i) call("rwlock.acquire_read", "a", nullptr, std::to_string(i));
  for (int i = 0; i < owners; ++i) call("rwlock.acquire_write", "b", nullptr, std::to_string(i));
  call("lock.acquire", "m", nullptr, "closing");
  REQUIRE(call.over(2, 0, "lock.acquire", "m", nullptr, "other").waits);
  const std::uint64_t before = call.machine().work();
  REQUIRE(call("rwlock.acquire_write", "a", nullptr, "closing").waits);
  return call.machine().work() - before;
}

TEST_CASE("deadlock search: it visits each owner and each waiter once", "[objects]") {
  const std::uint64_t small = units_of_search(200);
  const std::uint64_t large = units_of_search(800);
  CHECK(small > 200);
  CHECK(large < 5 * small);
}

TEST_CASE("deadlock search: an owner for which no other waits is not searched", "[objects]") {
  MachineCalls call;
  call.open(2);
  call("object.create", "rwlock", "a");
  call("object.create", "lock", "mine");
  for (int i = 0; i < 500; ++i) call("rwlock.acquire_read", "a", nullptr, std::to_string(i));
  call.over(2, 0, "lock.acquire", "mine");
  const std::uint64_t before = call.machine().work();
  REQUIRE(call.over(2, 0, "rwlock.acquire_write", "a", nullptr, "w").waits);
  REQUIRE(call.over(2, 0, "rwlock.acquire_write", "a").waits);
  CHECK(call.machine().work() - before < 100);
}

/// Returns the units of a grant to an owner with so many other waits, which close no cycle.
std::uint64_t units_of_grant(int waits) {
  MachineCalls call;
  call.open(2);
  call("object.create", "rwlock", "a");
  call("object.create", "lock", "m");
  call.over(2, 0, "rwlock.acquire_write", "a");
  call.over(2, 0, "lock.acquire", "m");
  REQUIRE(call("lock.acquire", "m", nullptr, "x").waits);
  for (int i = 0; i < waits; ++i) call("rwlock.acquire_write", "a", nullptr, "x");
  REQUIRE(call("lock.acquire", "m", nullptr, "y").waits);
  const std::uint64_t before = call.machine().work();
  call.over(2, 0, "lock.release", "m");
  return call.machine().work() - before;
}

TEST_CASE("deadlock search: a grant to an owner with many waits searches all of them at once",
          "[objects]") {
  const std::uint64_t small = units_of_grant(200);
  const std::uint64_t large = units_of_grant(800);
  CHECK(large < 5 * small);
}

}  // namespace
}  // namespace agora::test
