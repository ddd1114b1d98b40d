// SPDX-License-Identifier: MIT

// The collector of cycles: it deletes unreachable anonymous objects and keeps all others.

#include "server/core/machine/collector.hpp"

#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <rapidcheck.h>

#include "tests/support/catch.hpp"
#include "tests/support/machine_calls.hpp"

namespace agora::test {
namespace {

/// Session 1 makes anonymous lists, and holds each of them once until it releases it.
class Cycles {
 public:
  Packed list() { return call("object.create", "list").result; }
  void link(const Packed& from, const Packed& to) {
    REQUIRE(call("list.append", from, to).error.empty());
  }
  void release(const Packed& object) { REQUIRE(call("object.release", object).error.empty()); }
  bool exists(const Packed& object) { return call("object.exists", object).as<bool>(); }
  std::size_t anonymous() { return call.machine().registry().anonymous(); }

  MachineCalls call;
};

}  // namespace

TEST_CASE_METHOD(Cycles, "collector: an object that only refers to itself is deleted", "[core]") {
  const Packed one = list();
  link(one, one);
  call.idle();
  CHECK(exists(one));
  release(one);
  call.idle();
  CHECK_FALSE(exists(one));
  CHECK(call.machine().arena().bytes_used() == 0);
}

TEST_CASE_METHOD(Cycles,
                 "collector: a cycle of two and the objects it refers to go with the last hold",
                 "[core]") {
  const Packed one = list();
  const Packed other = list();
  const Packed leaf = list();
  link(one, other), link(other, one), link(other, leaf), link(leaf, leaf);
  release(one), release(leaf);
  call.idle();
  CHECK(anonymous() == 3);
  release(other);
  call.idle();
  CHECK(anonymous() == 0);
}

TEST_CASE_METHOD(Cycles,
                 "collector: a cycle that a named dict refers to stays until the entry is deleted",
                 "[core]") {
  call("object.create", "dict", "d");
  const Packed one = list();
  const Packed other = list();
  link(one, other), link(other, one);
  call("dict.set", "d", "k", one);
  release(one), release(other);
  call.idle();
  CHECK(anonymous() == 2);
  call("dict.delete", "d", "k");
  call.idle();
  CHECK(anonymous() == 0);
}

TEST_CASE_METHOD(Cycles,
                 "collector: a cycle that another session holds stays until that session ends",
                 "[core]") {
  const Packed one = list();
  const Packed other = list();
  link(one, other), link(other, one);
  call.open(2);
  call.over(2, 0, "object.hold", other);
  release(one), release(other);
  call.idle();
  CHECK(anonymous() == 2);
  call.end(2);
  call.idle();
  CHECK(anonymous() == 0);
}

TEST_CASE_METHOD(Cycles, "collector: a cycle stays while an item in a queue refers to it",
                 "[core]") {
  call("object.create", "queue", "q");
  const Packed one = list();
  link(one, one);
  call("queue.put", "q", one);
  release(one);
  call.idle();
  CHECK(exists(one));
  call("queue.get", "q");  // a plain connection does not hold what it takes
  call.idle();
  CHECK_FALSE(exists(one));
}

TEST_CASE_METHOD(Cycles, "collector: cycles through dicts, sets, namespaces and values are deleted",
                 "[core]") {
  const Packed dict = call("object.create", "dict").result;
  const Packed set = call("object.create", "set").result;
  const Packed space = call("object.create", "namespace").result;
  const Packed value =
      call("object.create", "value", nullptr, std::vector<std::string>{"any"}).result;
  call("dict.set", dict, set, space);
  call("set.add", set, value);
  call("namespace.set", space, "a", value);
  call("value.set", value, dict);
  for (const Packed& one : {dict, set, space}) release(one);
  call.idle();
  CHECK(anonymous() == 4);
  release(value);
  call.idle();
  CHECK(anonymous() == 0);
}

TEST_CASE_METHOD(Cycles, "collector: a cycle of 100,000 objects is deleted in slices", "[core]") {
  const Packed first = list();
  Packed last = first;
  for (int i = 1; i < 100'000; ++i) {
    const Packed next = list();
    link(last, next);
    if (last != first) release(last);
    last = next;
  }
  link(last, first);
  release(last);
  call.idle();
  REQUIRE(anonymous() == 100'000);
  release(first);
  int slices = 0;
  for (std::size_t before = anonymous(); anonymous() > 0; before = anonymous(), ++slices) {
    call.advance(0);
    REQUIRE(before - anonymous() <= 5'000);
  }
  CHECK(slices > 50);
  call.idle();
  CHECK(call.machine().arena().bytes_used() == 0);
}

TEST_CASE_METHOD(Cycles, "collector: a cycle that becomes reachable during a run stays", "[core]") {
  call("object.create", "dict", "d");
  std::vector<Packed> ring;
  for (int i = 0; i < 5'000; ++i) ring.push_back(list());
  for (std::size_t i = 0; i < ring.size(); ++i) link(ring[i], ring[(i + 1) % ring.size()]);
  const int turns = GENERATE(0, 1, 2, 3, 4);
  for (const Packed& one : ring) release(one);
  for (int i = 0; i < turns; ++i) call.advance(0);
  REQUIRE(anonymous() == ring.size());
  call("dict.set", "d", "k", ring[2'000]);
  call.idle();
  CHECK(anonymous() == ring.size());
  call("dict.clear", "d");
  call.idle();
  CHECK(anonymous() == 0);
}

TEST_CASE("collector: after any changes exactly the reachable objects exist", "[core]") {
  CHECK(rc::check("collected", [] {
    std::mt19937 random{*rc::gen::arbitrary<std::uint32_t>()};
    Cycles cycles;
    cycles.call("object.create", "dict", "root");
    std::map<int, Packed> objects;
    std::map<int, std::set<int>> edges;
    std::map<int, bool> held;
    std::set<int> rooted;
    const auto pick = [&] {
      return std::next(objects.begin(), static_cast<std::ptrdiff_t>(random() % objects.size()));
    };
    int number = 0;
    const auto reachable = [&] {
      std::vector<int> open(rooted.begin(), rooted.end());
      for (const auto& [id, is_held] : held) {
        if (is_held) open.push_back(id);
      }
      std::set<int> seen;
      while (!open.empty()) {
        const int id = open.back();
        open.pop_back();
        if (seen.insert(id).second) open.insert(open.end(), edges[id].begin(), edges[id].end());
      }
      return seen;
    };
    const int steps = *rc::gen::inRange(0, 400);
    for (int i = 0; i < steps; ++i) {
      if (objects.empty() || random() % 4 == 0) {
        objects[number] = cycles.call("object.create", "dict").result;
        held[number++] = true;
        continue;
      }
      const auto [from, from_object] = *pick();
      const auto [to, to_object] = *pick();
      switch (random() % 6) {
        case 0:
        case 1:
          cycles.call("dict.set", from_object, to, to_object);
          edges[from].insert(to);
          break;
        case 2:
          if (edges[from].erase(to) > 0) cycles.call("dict.delete", from_object, to);
          break;
        case 3:
          if (std::exchange(held[from], false)) cycles.release(from_object);
          break;
        case 4:
          cycles.call("dict.set", "root", to, to_object);
          rooted.insert(to);
          break;
        default:
          if (rooted.erase(to) > 0) cycles.call("dict.delete", "root", to);
      }
      // Unreachable objects must not be used again.
      const std::set<int> alive = reachable();
      std::erase_if(objects, [&](const auto& entry) { return !alive.contains(entry.first); });
      for (const auto& [id, object] : objects) RC_ASSERT(cycles.exists(object));
    }
    cycles.call.idle();
    RC_ASSERT(cycles.anonymous() == objects.size());
  }));
}

}  // namespace agora::test
