// SPDX-License-Identifier: MIT

// Large arrays: the bounds of their size, and their saved form.

#include <string>
#include <vector>

#include "server/core/machine/creation.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/machine_calls.hpp"

namespace agora::test {
namespace {

/// Creates an array "a"; returns the type of the error.
std::string create(MachineCalls& call, std::string_view code, std::uint64_t size, bool local) {
  std::string args;
  Writer out{args};
  out.list(2), out.text(code), out.unsigned_integer(size);
  std::string options;
  Writer option{options};
  option.map(1), option.text("local"), option.boolean(local);
  return call("object.create", "array", "a", Packed{args}, Packed{options}).error;
}

TEST_CASE("array: the memory cap bounds its size, whatever the size is", "[objects]") {
  for (const bool local : {false, true}) {
    for (const std::size_t cap : {std::size_t{0}, std::size_t{200} << 20}) {
      MachineInput input;
      input.limits.memory_bytes_max = cap;
      MachineCalls call{std::move(input)};
      CHECK(create(call, "b", 18446744073709551615u, local) == "OutOfMemory");
      CHECK(create(call, "d", 18446744073709551615u, local) == "OutOfMemory");
      CHECK(create(call, "d", 2305843009213693952u, local) == "OutOfMemory");
      CHECK(create(call, "d", 2305843009213693953u, local) == "OutOfMemory");
      if (cap != 0) CHECK(create(call, "d", 30'000'000, local) == "OutOfMemory");
      CHECK(create(call, "d", 20'000'000, local).empty());
      CHECK(call("array.len", "a").as<std::size_t>() == 20'000'000);
      CHECK(call("array.get", "a", -1).as<double>() == 0);
      call("object.delete", "a");
    }
  }
}

TEST_CASE("array: a block that is used again is zero, at its ends too", "[objects]") {
  for (const bool local : {false, true}) {
    MachineCalls call;
    for (int round = 0; round < 3; ++round) {
      CHECK(create(call, "q", 200'000, local).empty());
      for (const int index : {0, 1, 2, 3, 100'000, 199'998, 199'999}) {
        CHECK(call("array.get", "a", index).as<std::int64_t>() == 0);
        call("array.set", "a", index, -1);
      }
      CHECK(call("array.fill", "a", -1).error.empty());
      call("object.delete", "a");
      call.idle();
    }
  }
}

TEST_CASE("array: a saved one of several chunks is the same", "[objects]") {
  MachineCalls call;
  CHECK(create(call, "d", 8'500'000, false).empty());  // over 64 MiB
  for (const int index : {0, 8'388'607, 8'388'608, 8'499'999}) {
    call("array.set", "a", index, index + 0.5);
  }
  Object& object = *call.machine().registry().find("a");
  std::string saved;
  Writer out{saved};
  object.state->save(out);
  Creation creation{call.machine(), object.type, object.id, object.name, {}, {}};
  auto loaded = object.type->load(creation, PackedView{saved});
  REQUIRE(loaded);
  object.state.swap(*loaded);
  CHECK(call("array.len", "a").as<int>() == 8'500'000);
  for (const int index : {0, 8'388'607, 8'388'608, 8'499'999}) {
    CHECK(call("array.get", "a", index).as<double>() == index + 0.5);
  }
  CHECK(call("array.get", "a", 8'388'609).as<double>() == 0);
}

}  // namespace
}  // namespace agora::test
