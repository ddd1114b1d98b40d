// SPDX-License-Identifier: MIT

// The memory cap: a change that stores no more goes through, and any other changes nothing.

#include <map>
#include <string>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/machine_calls.hpp"

namespace agora::test {
namespace {

using Ints = std::vector<int>;
using Calls = std::vector<std::pair<std::string, Packed>>;

/// A server whose memory is full.
class Full {
 public:
  Full() : call(input()) {
    call("object.create", "dict", "d");
    call("dict.set", "d", "int", 5);
    call("dict.set", "d", "text", std::string(100, 'x'));
    call("dict.set", "d", "large", std::string(40'000, 'x'));
    call("object.create", "list", "l", std::vector<Ints>{{1, 2, 3}});
    call("object.create", "set", "s", std::vector<Ints>{{1}});
    call("object.create", "namespace", "ns");
    call("namespace.set", "ns", "x", 1);
    call("object.create", "value", "v", std::pair{"q", 1});
    call("object.create", "value", "any", std::pair{"any", "text"});
    call("object.create", "queue", "q");
    call("queue.put", "q", 1);
    call("object.create", "topic", "t");
    call("topic.publish", "t", 1);
    call("object.create", "dict", "filler");
    int n = 0;
    for (const std::size_t size : {1000U, 100U, 0U}) {
      while (call("dict.set", "filler", n, std::string(size, 'v')).error.empty()) ++n;
    }
  }

  Given run(const Calls& calls) {
    std::string packed;
    Writer out{packed};
    out.list(static_cast<std::uint32_t>(calls.size()));
    for (const auto& [method, params] : calls) {
      out.list(2), out.text(method);
      out.packed(params);
    }
    return call("transaction.run", Packed{packed});
  }

  MachineCalls call;

 private:
  static MachineInput input() {
    MachineInput made;
    made.limits.memory_bytes_max = 300'000;
    return made;
  }
};

template <typename... T>
Packed params(const T&... parameters) {
  std::string packed;
  Writer out{packed};
  out.list(sizeof...(T));
  (out.packed(pack(parameters)), ...);
  return Packed{packed};
}

TEST_CASE("memory cap: a change that stores no more goes through", "[objects]") {
  Full full;
  auto& call = full.call;
  const auto goes = [&](const Given& given) { return given.error; };
  CHECK(goes(call("dict.add", "d", "int", 1)) == "");
  CHECK(call("dict.get", "d", "int").as<int>() == 6);
  CHECK(goes(call("dict.set", "d", "int", 7)) == "");
  CHECK(goes(call("dict.set", "d", "text", std::string(100, 'y'))) == "");
  CHECK(goes(call("dict.set", "d", "text", "y")) == "");
  CHECK(goes(call("dict.set", "d", "large", std::string(40'000, 'y'))) == "");
  CHECK(call("dict.get", "d", "large").as<std::string>() == std::string(40'000, 'y'));
  CHECK(goes(call("dict.compare_and_set", "d", "int", 7, 8)) == "");
  CHECK(goes(call("dict.compare_and_set", "d", "int", 0, 9)) == "");
  CHECK(call("dict.set_default", "d", "int", 9).as<int>() == 8);
  CHECK(goes(call("dict.update", "d", std::map<std::string, int>{{"int", 9}, {"text", 1}})) == "");
  CHECK(goes(call("list.set", "l", 0, 9)) == "");
  CHECK(goes(call("list.add", "l", 0, 1)) == "");
  CHECK(goes(call("list.compare_and_set", "l", 0, 10, 11)) == "");
  CHECK(goes(call("list.set_slice", "l", 0, 2, 1, Ints{4, 5})) == "");
  CHECK(call("list.copy", "l").as<Ints>() == Ints{4, 5, 3});
  CHECK(goes(call("set.add", "s", 1)) == "");
  CHECK(goes(call("set.intersection_update", "s", Ints{1})) == "");
  CHECK(goes(call("namespace.set", "ns", "x", 2)) == "");
  CHECK(goes(call("value.set", "v", 1LL << 40)) == "");
  CHECK(goes(call("value.add", "v", 1)) == "");
  CHECK(call("value.get", "v").as<long long>() == (1LL << 40) + 1);
  CHECK(goes(call("value.set", "any", "next")) == "");
  CHECK(call("value.exchange", "any", "more").as<std::string>() == "next");
  CHECK(goes(call("value.compare_and_set", "any", "more", "less")) == "");
  CHECK(goes(call("topic.publish", "t", 2)) == "");
}

TEST_CASE("memory cap: a change that stores more is refused whole", "[objects]") {
  Full full;
  auto& call = full.call;
  const std::size_t before = call.machine().memory_used();
  const auto version = call("object.version", "d").as<int>();
  const auto refused = [&](const Given& given) { return given.error == "OutOfMemory"; };
  CHECK(refused(call("dict.set", "d", "int", std::string(1000, 'x'))));
  CHECK(refused(call("dict.set", "d", "new", 1)));
  CHECK(refused(call("dict.set_default", "d", "new", 1)));
  CHECK(refused(call("dict.set", "d", "large", std::string(90'000, 'y'))));
  CHECK(refused(call("dict.update", "d", std::map<std::string, int>{{"int", 1}, {"new", 1}})));
  CHECK(call("dict.get", "d", "int").as<int>() == 5);
  CHECK(refused(call("list.append", "l", 4)));
  CHECK(refused(call("list.insert", "l", 0, 4)));
  CHECK(refused(call("list.set_slice", "l", 0, 1, 1, Ints{7, 8, 9})));
  CHECK(call("list.copy", "l").as<Ints>() == Ints{1, 2, 3});
  CHECK(refused(call("set.add", "s", 2)));
  CHECK(call("set.len", "s").as<int>() == 1);
  CHECK(refused(call("value.set", "any", std::string(1000, 'x'))));
  CHECK(call("value.get", "any").as<std::string>() == "text");
  CHECK(refused(call("queue.put", "q", 1)));
  CHECK(refused(call("object.create", "lock", "another")));
  CHECK(refused(call("object.watch", "d")));
  CHECK(call("object.version", "d").as<int>() == version);
  CHECK(call.machine().memory_used() == before);
}

TEST_CASE("memory cap: a transaction goes through if it stores no more in sum", "[objects]") {
  Full full;
  CHECK(full.run({{"queue.get", params("q", 0)}, {"queue.put", params("q", 2, 0)}}).error == "");
  CHECK(full.run({{"queue.put", params("q", 3, 0)}}).error == "OutOfMemory");
  CHECK(full.call("queue.size", "q").as<int>() == 1);
  CHECK(full.run({{"object.create", params("lock", "another")}}).error == "OutOfMemory");
  CHECK(full.run({{"dict.delete", params("filler", 0)},
                  {"dict.set", params("d", "new", std::string(500, 'x'))}})
            .error == "");
  CHECK(full.call("dict.len", "d").as<int>() == 4);
  CHECK(full.run({{"dict.set", params("d", "int", 1)},
                  {"dict.set", params("d", "newer", std::string(500, 'x'))},
                  {"dict.delete", params("d", "newer")}})
            .error == "");
  CHECK(full.run({{"dict.delete", params("d", "new")},
                  {"dict.set", params("d", "newer", std::string(2000, 'x'))}})
            .error == "OutOfMemory");
  CHECK(full.call("dict.contains", "d", "new").as<bool>());
  CHECK(full.run({{"object.delete", params("filler")}, {"dict.set", params("d", "z", 1)}}).error ==
        "");
}

TEST_CASE("memory cap: entries grow no more by small steps", "[objects]") {
  Full full;
  std::string text = "x";
  while (full.call("dict.set", "d", "text", text).error.empty()) text += "x";
  CHECK(text.size() < 120);
}

}  // namespace
}  // namespace agora::test
