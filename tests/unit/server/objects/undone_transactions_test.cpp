// SPDX-License-Identifier: MIT

// Failed transactions leave nothing: neither bytes, nor objects, nor references. For every row of
// the catalogue, and for random sequences of rows.

#include <random>
#include <set>
#include <string>
#include <vector>

#include "server/core/methods/scalar.hpp"
#include "shared/value/msgpack_reader.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/every_row.hpp"
#include "tests/support/machine_calls.hpp"

namespace agora::test {
namespace {

class World {
 public:
  World() : call(input()) {
    const Given made = call("object.create", "list");
    anonymous_ = std::string{text_of(made.result)};
    for (const RowCall& each : rows().world()) run_alone(each);
    settle();
  }

  EveryRow rows() const { return EveryRow{anonymous_}; }
  const Catalogue& catalogue() { return call.machine().catalogue(); }

  /// Runs the calls and then one that fails. @return the index of the call that failed
  std::int64_t run_and_fail(const std::vector<RowCall>& calls) {
    std::string packed;
    Writer out{packed};
    out.list(static_cast<std::uint32_t>(calls.size()) + 1);
    for (const RowCall& each : calls) {
      out.list(2), out.text(each.method);
      out.packed(EveryRow::list(each.parameters));
    }
    out.list(2), out.text("dict.get");
    out.list(2), out.text("missing"), out.integer(1);
    const Given failed = call("transaction.run", Packed{packed});
    REQUIRE(failed.error != "");
    for (const Detail& detail : call.effects().list.back().error->details) {
      if (detail.name != "index") continue;
      const auto index = unpack<std::int64_t>(Packed{detail.packed});
      return index ? *index : -1;
    }
    return -1;
  }

  /// Returns everything that a transaction could leave behind.
  std::string state() {
    settle();
    Machine& machine = call.machine();
    std::string all = "memory " + std::to_string(machine.memory_used()) + ", anonymous " +
                      std::to_string(machine.registry().anonymous()) + ", waiters " +
                      std::to_string(machine.waiters().size());
    machine.registry().each_after({}, [&](const Object& object) {
      all += "\n" + object.name + " references " + std::to_string(object.references) + " holds " +
             std::to_string(object.holds) + " version " + std::to_string(object.version) +
             " size " + std::to_string(object.state->size()) + " bytes " +
             std::to_string(object.state->bytes());
      return true;
    });
    for (std::uint64_t number = 1; number < 200; ++number) {
      const Object* object = machine.registry().find("#" + std::to_string(number));
      if (object == nullptr) continue;
      all += "\n" + object->name + " references " + std::to_string(object->references) + " holds " +
             std::to_string(object->holds);
    }
    return all;
  }

  MachineCalls call;

 private:
  static MachineInput input() {
    MachineInput made;
    made.limits.blob_bytes_min = 64;  // so that some values are shared blobs
    return made;
  }
  void settle() { call.idle(); }
  void run_alone(const RowCall& each) {
    std::string packed;
    Writer out{packed};
    out.list(1), out.list(2), out.text(each.method);
    out.packed(EveryRow::list(each.parameters));
    const Given done = call("transaction.run", Packed{packed});
    INFO(each.method << ": " << done.error);
    REQUIRE(done.error == "");
  }

  std::string anonymous_;
};

TEST_CASE("transaction: one that fails leaves nothing, whatever its first call was", "[objects]") {
  World world;
  std::vector<RowCall> calls = world.rows().calls(world.catalogue());
  for (RowCall& each : world.rows().creations(world.catalogue())) calls.push_back(std::move(each));
  const std::string before = world.state();
  std::set<std::string> failed;  // the rows that the transaction refused, or that fail here
  for (const RowCall& each : calls) {
    INFO(each.method << " of " << each.parameters.size() << " parameters");
    const std::int64_t index = world.run_and_fail({each});
    if (index != 1 && each.row->access == Access::write) failed.insert(each.method);
    REQUIRE(world.state() == before);
  }
  for (const std::string& each : failed) {
    INFO(each << " did not run: give it parameters in every_row.hpp");
    // Rows that may not stand in a transaction, that need the result of an earlier call, or that
    // refuse the mixed content.
    static const std::set<std::string> kKnown{
        "list.sort",           "array.compare_and_set", "object.create",
        "object.expire",       "object.hold",           "object.release",
        "object.unwatch",      "object.watch",          "object.unwatch_names",
        "object.watch_names",  "queue.acknowledge",     "queue.reject",
        "queue.requeue",       "queue.touch",           "lock.extend",
        "rlock.extend",        "lock.release",          "rlock.release",
        "rwlock.release_read", "rwlock.release_write",  "condition.release",
        "condition.wait",      "condition.notify",      "condition.notify_all",
        "barrier.wait",        "server.end_session",    "server.shutdown",
        "transaction.run"};
    CHECK((kKnown.contains(each) || each.starts_with("session.")));
  }
}

TEST_CASE("transaction: one that fails leaves nothing, whatever its calls were", "[objects]") {
  World world;
  std::vector<RowCall> calls;
  for (RowCall& each : world.rows().calls(world.catalogue())) {
    if (each.row->access == Access::write) calls.push_back(std::move(each));
  }
  for (RowCall& each : world.rows().creations(world.catalogue())) calls.push_back(std::move(each));
  const std::string before = world.state();
  const std::uint32_t seed = std::random_device{}();
  std::mt19937 random{seed};
  for (int round = 0; round < 2'000; ++round) {
    std::vector<RowCall> some;
    std::string names;
    for (std::size_t i = random() % 6 + 1; i > 0; --i) {
      some.push_back(calls[random() % calls.size()]);
      names += some.back().method + " ";
    }
    INFO("seed " << seed << ": " << names);
    world.run_and_fail(some);
    REQUIRE(world.state() == before);
  }
}

TEST_CASE("transaction: content of an object that it made is freed with the object", "[objects]") {
  MachineCalls call;
  const std::size_t before = call.machine().memory_used();
  const auto fails = [&](const Packed& creation) {
    std::string packed;
    Writer out{packed};
    out.list(2);
    out.list(2), out.text("object.create"), out.packed(creation);
    out.list(2), out.text("dict.get");
    out.list(2), out.text("missing"), out.integer(1);
    CHECK(call("transaction.run", Packed{packed}).error == "NotFound");
    call.idle();
  };
  fails(pack(std::make_tuple("value", "x", std::make_tuple("q", 5))));
  CHECK(call.machine().memory_used() == before);
  const Given made = call("object.create", "list");
  std::string pairs;
  Writer out{pairs};
  out.list(3), out.text("dict"), out.text("x");
  out.list(1), out.list(2);
  out.list(2), out.text("c"), out.reference(text_of(made.result));
  out.list(2), out.text("c"), out.integer(1);
  fails(Packed{pairs});
  CHECK(call.machine().registry().find(text_of(made.result))->references == 0);
}

}  // namespace
}  // namespace agora::test
