// SPDX-License-Identifier: MIT

// Transactions over containers: a rolled-back one leaves everything unchanged, to the byte; a
// committed one does the same as its calls one by one. Random operations; RapidCheck prints the
// seed.

#include <cstdint>
#include <string>
#include <vector>

#include <rapidcheck.h>

#include "shared/value/msgpack_reader.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/machine_calls.hpp"
#include "tests/unit/server/objects/random_calls.hpp"

namespace agora::test {
namespace {

constexpr const char* kNames[] = {"d", "l", "s", "n", "a", "v", "t"};

/// A machine with one container of each kind, and "t", to which the others refer.
class Containers {
 public:
  Containers() {
    call("object.create", "dict", "d");
    call("object.create", "list", "l");
    call("object.create", "set", "s");
    call("object.create", "namespace", "n");
    call("object.create", "array", "a", pack(std::make_tuple("i", 8)));
    call("object.create", "value", "v", pack(std::make_tuple("any", 0)));
    call("object.create", "dict", "t");
  }
  /// Lets the machine free cleared and deleted content.
  void settle() {
    while (call.machine().registry().pending_reclaim()) call("ping");
  }
  /// Returns all observable state of the containers, and their reference counts.
  std::string content() {
    settle();
    std::string all;
    for (const char* name : kNames) {
      const Object& object = *call.machine().registry().find(name);
      all += name;
      Writer writer{all};
      object.state->save(writer);
      for (const std::uint64_t number :
           {object.version, object.references, std::uint64_t{object.state->size()},
            std::uint64_t{object.state->bytes()}}) {
        all += ' ' + std::to_string(number);
      }
      object.state->each_reference([&](std::string_view to) { all.append(" ->").append(to); });
    }
    return all;
  }
  Given run(const std::vector<Packed>& calls) {
    std::string list;
    Writer{list}.list(static_cast<std::uint32_t>(calls.size()));
    for (const Packed& one : calls) list += one.bytes();
    return call("transaction.run", Packed{list});
  }

  MachineCalls call;
};

std::vector<Packed> elements(const Given& given) {
  std::vector<Packed> all;
  Reader reader{given.result};
  Token head;
  static_cast<void>(reader.next(head));
  for (std::uint32_t i = 0; i < head.count; ++i) all.emplace_back(reader.value());
  return all;
}

}  // namespace

TEST_CASE(
    "container transactions: a failed one changes nothing, a committed one does the same "
    "as its calls",
    "[objects]") {
  CHECK(rc::check("transactions", [] {
    const auto seed = *rc::gen::arbitrary<std::uint32_t>();
    RandomCalls calls{seed};
    Containers whole;       // runs transactions
    Containers one_by_one;  // runs the same calls alone
    for (int round = 0; round < 4; ++round) {
      std::vector<Packed> good;
      std::vector<Packed> results;
      const int count = *rc::gen::inRange(1, 40);
      for (int i = 0; i < count; ++i) {
        const Packed one = calls.next();
        const Given given = one_by_one.run({one});
        if (!given.error.empty()) continue;
        good.push_back(one);
        results.push_back(elements(given).at(0));
      }
      const std::string before = whole.content();
      std::vector<Packed> bad = good;
      bad.push_back(pack(std::make_tuple("dict.get", std::make_tuple("d", "no such key"))));
      RC_ASSERT(whole.run(bad).error == "KeyError");
      RC_ASSERT(whole.content() == before);
      const Given given = whole.run(good);
      RC_ASSERT(given.error.empty());
      RC_ASSERT(elements(given) == results);
      RC_ASSERT(whole.content() == one_by_one.content());
    }
    for (const char* name : kNames) whole.call("object.delete", name);
    whole.settle();
    RC_ASSERT(whole.call.machine().arena().bytes_used() == 0U);
  }));
}

TEST_CASE("container transactions: a failed clear of a large container is rolled back",
          "[objects]") {
  Containers containers;
  for (int i = 0; i < 5000; ++i) {
    containers.call("dict.set", "d", i, i);
    containers.call("list.append", "l", i);
    containers.call("set.add", "s", i);
  }
  const std::string before = containers.content();
  const auto clear = [](const char* method, const char* name) {
    return pack(std::make_tuple(method, std::make_tuple(name)));
  };
  const Given failed =
      containers.run({clear("dict.clear", "d"), clear("list.clear", "l"), clear("set.clear", "s"),
                      pack(std::make_tuple("dict.set", std::make_tuple("d", 1, "new"))),
                      pack(std::make_tuple("list.append", std::make_tuple("l", 1))),
                      clear("dict.clear", "d"), clear("set.pop", "s")});
  CHECK(failed.error == "KeyError");
  CHECK_FALSE(
      containers.call.machine().registry().pending_reclaim());  // nothing was moved or copied
  CHECK(containers.content() == before);
  CHECK(containers.call("dict.get", "d", 4999).as<int>() == 4999);
}

TEST_CASE(
    "container transactions: a cursor continues after a failed one as if there had been "
    "none",
    "[objects]") {
  Containers containers;
  for (int i = 1; i <= 1500; ++i) containers.call("dict.set", "d", i, i);
  std::vector<Packed> calls;
  for (int i = 1; i <= 1500; i += 2) {
    calls.push_back(pack(std::make_tuple("dict.delete", std::make_tuple("d", i))));
  }
  for (int i = 1; i <= 1500; i += 2) {
    calls.push_back(pack(std::make_tuple("dict.set", std::make_tuple("d", i, "again"))));
  }
  calls.push_back(pack(std::make_tuple("dict.get", std::make_tuple("d", "no such key"))));
  const Given before = containers.call("dict.scan", "d", 700, 5);
  const std::string content = containers.content();
  CHECK(containers.run(calls).error == "KeyError");
  CHECK(containers.content() == content);
  CHECK(containers.call("dict.scan", "d", 700, 5).result == before.result);
}

}  // namespace agora::test
