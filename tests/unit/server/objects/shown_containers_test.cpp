// Containers of a machine and those who read them along: what readers see is what calls would have
// given at one moment, transactions and commands of many keys included.

#include <atomic>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <rapidcheck.h>

#include "server/objects/containers/list_state.hpp"
#include "server/objects/containers/table_state.hpp"
#include "shared/value/msgpack_reader.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/machine_calls.hpp"
#include "tests/unit/server/objects/random_calls.hpp"
#include "tests/unit/server/storage/reading_along.hpp"

namespace agora::test {
namespace {

using shm::ReadResult;

constexpr HashKey kSomeKey{17, 4711};

/// A machine over memfds, with containers that are shown.
class ShownContainers {
 public:
  ShownContainers() {
    call("object.create", "dict", "d");
    call("object.create", "list", "l");
    call("object.create", "set", "s");
    call("object.create", "namespace", "n");
    call("object.create", "array", "a", pack(std::make_tuple("i", 8)));
    call("object.create", "value", "v", pack(std::make_tuple("any", 0)));
    call("object.create", "dict", "t");
    for (const char* name : {"d", "s", "n", "l"}) show(name);
    client.learn();
  }
  ~ShownContainers() {
    for (auto& [name, cell] : shown_) object(name).state->unpublish();
  }

  void show(const std::string& name) {
    const Handle cell = cells_.take(object(name).id);
    object(name).state->publish(cells_.at(cell));
    shown_[name] = cell;
  }
  const Object& object(const std::string& name) { return *call.machine().registry().find(name); }
  const Table& table(const std::string& name) {
    return static_cast<const TableState&>(*object(name).state).table();
  }
  const shm::Cell& cell(const std::string& name) { return client.cell(shown_.at(name)); }
  Given run(const std::vector<Packed>& calls) {
    std::string list;
    Writer{list}.list(static_cast<std::uint32_t>(calls.size()));
    for (const Packed& one : calls) list += one.bytes();
    const Given given = call("transaction.run", Packed{list});
    client.learn();
    return given;
  }
  /// What readers see of each container against what it says itself.
  void check() {
    for (const char* name : {"d", "s", "n"}) {
      const std::uint64_t id = object(name).id.number;
      std::uint64_t size = 0;
      RC_ASSERT(shm::read_size(cell(name), id, size) == ReadResult::found);
      RC_ASSERT(size == table(name).size());
      for (const Packed& key : keys()) {
        check_seen(table(name), client, cell(name), id, kSomeKey, key);
      }
    }
    const auto& list = static_cast<const ListState&>(*object("l").state);
    check_list_seen(list.elements(), call.machine().values(), client, cell("l"),
                    object("l").id.number);
  }

  MemfdExtents extents;
  MachineCalls call{MachineInput{kSomeKey}, &extents};
  SecondMapping client{extents};

 private:
  /// All that RandomCalls makes, and some more.
  static std::vector<Packed> keys() {
    std::vector<Packed> all;
    for (int i = 0; i < 8; ++i) all.push_back(pack(i));
    for (int i = 0; i < 4; ++i) all.push_back(pack("key " + std::to_string(i)));
    for (char c = 'a'; c < 'g'; ++c) all.push_back(pack(std::string(1, c)));
    return all;
  }

  Cells cells_{call.machine().arena()};
  std::map<std::string, Handle> shown_;
};

Packed command(const char* method, const char* name, const char* key, std::int64_t value) {
  return pack(std::make_tuple(method, std::make_tuple(name, key, value)));
}

}  // namespace

TEST_CASE("readers see what transactions left, those that failed and those that did not",
          "[objects][shm]") {
  CHECK(rc::check("whatever they did", [](std::uint32_t seed) {
    ShownContainers containers;
    RandomCalls calls{seed};
    std::mt19937 random{seed};
    for (int round = 0; round < 60; ++round) {
      std::vector<Packed> all;
      for (std::size_t n = random() % 12; n > 0; --n) all.push_back(calls.next());
      containers.run(all);
      containers.check();
    }
  }));
}

TEST_CASE("a reader of two containers never sees half a transaction", "[objects][shm]") {
  constexpr int kLooks = 100'000;
  ShownContainers containers;
  const auto both = [](std::int64_t number) {
    return std::vector<Packed>{pack(std::make_tuple("dict.clear", std::make_tuple("d"))),
                               command("dict.set", "d", "k", number),
                               command("namespace.set", "n", "k", number)};
  };
  containers.run(both(0));
  const std::uint64_t dict = containers.object("d").id.number;
  const std::uint64_t space = containers.object("n").id.number;
  const shm::Cell& dict_cell = containers.cell("d");
  const shm::Cell& space_cell = containers.cell("n");
  std::atomic<bool> done{false};
  Breather breather{done};
  std::uint64_t wrong = 0;
  std::uint64_t seen_twice = 0;
  std::thread reader{[&] {
    const Packed key = pack("k");
    std::int64_t known = 0;
    const auto look = [&](const shm::Cell& cell, std::uint64_t id) {
      const Seen seen = try_get(containers.client, cell, id, kSomeKey, key);
      if (seen.look == ReadResult::contended) return false;
      const std::int64_t number =
          seen.look == ReadResult::found ? *unpack<std::int64_t>(Packed{seen.value}) : -1;
      if (number < known) ++wrong;
      known = number;
      return true;
    };
    for (int i = 0; i < kLooks; ++i) {
      if (look(dict_cell, dict) && look(space_cell, space)) ++seen_twice, breather.found();
    }
    done = true;
  }};
  for (std::int64_t number = 1; !done.load(); ++number) {
    std::vector<Packed> failing = both(-1);
    failing.push_back(pack(std::make_tuple("dict.get", std::make_tuple("d", "no such key"))));
    containers.run(failing);
    containers.run(both(number));
    breather.between();
  }
  reader.join();
  CHECK(wrong == 0);
  CHECK(seen_twice > 0);
}

TEST_CASE("readers of a container that is deleted are sent to the server", "[objects][shm]") {
  ShownContainers containers;
  containers.call("dict.set", "d", "k", 1);
  const std::uint64_t id = containers.object("d").id.number;
  const auto look = [&] {
    return try_get(containers.client, containers.cell("d"), id, kSomeKey, pack("k")).look;
  };
  CHECK(look() == ReadResult::found);
  containers.run({command("dict.set", "d", "k", 2), command("no.such", "d", "k", 2)});
  CHECK(look() == ReadResult::found);
  containers.object("d").state->unpublish();
  CHECK(look() == ReadResult::contended);
}

}  // namespace agora::test
