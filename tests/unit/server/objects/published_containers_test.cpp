// SPDX-License-Identifier: MIT

// Containers of a machine and their concurrent readers: a read equals the result of a call at one
// moment, also across transactions and commands of many keys.

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
#include "tests/unit/server/storage/concurrent_reader.hpp"

namespace agora::test {
namespace {

using shm::ReadResult;

constexpr HashKey kSomeKey{17, 4711};

/// A machine over memfds, with published containers.
class PublishedContainers {
 public:
  PublishedContainers() {
    call("object.create", "dict", "d");
    call("object.create", "list", "l");
    call("object.create", "set", "s");
    call("object.create", "namespace", "n");
    call("object.create", "array", "a", pack(std::make_tuple("i", 8)));
    call("object.create", "value", "v", pack(std::make_tuple("any", 0)));
    call("object.create", "dict", "t");
    for (const char* name : {"d", "s", "n", "l"}) publish(name);
    client.learn();
  }
  ~PublishedContainers() {
    for (auto& [name, cell] : published_) object(name).state->unpublish();
  }

  void publish(const std::string& name) {
    const Handle cell = cells_.take(object(name).id);
    object(name).state->publish(cells_.at(cell));
    published_[name] = cell;
  }
  const Object& object(const std::string& name) { return *call.machine().registry().find(name); }
  const Table& table(const std::string& name) {
    return static_cast<const TableState&>(*object(name).state).table();
  }
  const shm::Cell& cell(const std::string& name) { return client.cell(published_.at(name)); }
  Given run(const std::vector<Packed>& calls) {
    std::string list;
    Writer{list}.list(static_cast<std::uint32_t>(calls.size()));
    for (const Packed& one : calls) list += one.bytes();
    const Given given = call("transaction.run", Packed{list});
    client.learn();
    return given;
  }
  /// Compares the readers' view of each container with its content.
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
  /// Returns all keys that RandomCalls makes, and some more.
  static std::vector<Packed> keys() {
    std::vector<Packed> all;
    for (int i = 0; i < 8; ++i) all.push_back(pack(i));
    for (int i = 0; i < 4; ++i) all.push_back(pack("key " + std::to_string(i)));
    for (char c = 'a'; c < 'g'; ++c) all.push_back(pack(std::string(1, c)));
    return all;
  }

  Cells cells_{call.machine().arena()};
  std::map<std::string, Handle> published_;
};

Packed command(const char* method, const char* name, const char* key, std::int64_t value) {
  return pack(std::make_tuple(method, std::make_tuple(name, key, value)));
}

}  // namespace

TEST_CASE("container readers: see the result of transactions, failed or committed",
          "[objects][shm]") {
  CHECK(rc::check("whatever they did", [](std::uint32_t seed) {
    PublishedContainers containers;
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

TEST_CASE("container readers: never see half a transaction over two containers", "[objects][shm]") {
  constexpr int kLooks = 100'000;
  PublishedContainers containers;
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
    const auto read_cell = [&](const shm::Cell& cell, std::uint64_t id) {
      const Seen seen = try_get(containers.client, cell, id, kSomeKey, key);
      if (seen.result == ReadResult::contended) return false;
      const std::int64_t number =
          seen.result == ReadResult::found ? *unpack<std::int64_t>(Packed{seen.value}) : -1;
      if (number < known) ++wrong;
      known = number;
      return true;
    };
    for (int i = 0; i < kLooks; ++i) {
      if (read_cell(dict_cell, dict) && read_cell(space_cell, space))
        ++seen_twice, breather.found();
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

TEST_CASE("container readers: use the RPC once the container is deleted", "[objects][shm]") {
  PublishedContainers containers;
  containers.call("dict.set", "d", "k", 1);
  const std::uint64_t id = containers.object("d").id.number;
  const auto read_cell = [&] {
    return try_get(containers.client, containers.cell("d"), id, kSomeKey, pack("k")).result;
  };
  CHECK(read_cell() == ReadResult::found);
  containers.run({command("dict.set", "d", "k", 2), command("no.such", "d", "k", 2)});
  CHECK(read_cell() == ReadResult::found);
  containers.object("d").state->unpublish();
  CHECK(read_cell() == ReadResult::contended);
}

}  // namespace agora::test
