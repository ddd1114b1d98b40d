// SPDX-License-Identifier: MIT

// Entries of a dict that end by themselves: slices, memory, saved form, and no cost for others.

#include <string>

#include "server/core/machine/creation.hpp"
#include "server/objects/containers/dict_state.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/machine_calls.hpp"

namespace agora::test {
namespace {

const Packed kNull{};

Dict& dict_of(MachineCalls& call) {
  return static_cast<Dict&>(*call.machine().registry().find("d")->state);
}

std::size_t size(MachineCalls& call) { return call("dict.len", "d").as<std::size_t>(); }

TEST_CASE("dict: an entry without an end costs no memory for one", "[objects]") {
  MachineCalls call;
  const auto bytes_of_entries = [&](const char* dict) {
    const std::size_t before = call.machine().memory_used();
    for (int i = 0; i < 1'000; ++i) call("dict.set", dict, "key " + std::to_string(i), i);
    return call.machine().memory_used() - before;
  };
  call("object.create", "dict", "plain");
  call("object.create", "dict", "d");
  call("dict.set", "plain", "first", 1);
  call("dict.set", "d", "first", 1, 60);
  CHECK(dict_of(call).has_leases());
  const std::size_t plain = bytes_of_entries("plain");
  CHECK(bytes_of_entries("d") == plain);
  CHECK(plain < 1'000 * 64);
}

TEST_CASE("dict: many entries that end at one time are removed in slices", "[objects]") {
  MachineCalls call;
  call("object.create", "dict", "d");
  const std::size_t before = call.machine().memory_used();
  for (int i = 0; i < 5'000; ++i) call("dict.set", "d", i, i, 1);
  CHECK(call.machine().memory_used() > before + 5'000 * EntryLeases::kBytes);
  call.advance(1);
  CHECK(size(call) == 3'000);
  CHECK(call.machine().next_deadline());
  call.advance(0.001);
  CHECK(size(call) == 1'000);
  call.advance(0.001);
  CHECK(size(call) == 0);
  CHECK_FALSE(call.machine().next_deadline());
  CHECK(call.machine().memory_used() < before + 8'192);
}

TEST_CASE("dict: the ephemeral entries of a session end in slices; later writers keep theirs",
          "[objects]") {
  MachineCalls call;
  call("object.create", "dict", "d");
  call.open(2);
  for (int i = 0; i < 5'000; ++i) call.over(2, 0, "dict.set", "d", i, i, kNull, true);
  call.end(2);
  CHECK(size(call) == 3'000);
  // Another session overwrites an entry that is about to end.
  call("dict.set", "d", 4'999, "new");
  call("dict.set", "d", 4'998, "timed", 60);
  call.advance(0.001);
  call.advance(0.001);
  CHECK(size(call) == 2);
  CHECK(call("dict.get", "d", 4'999).as<std::string>() == "new");
  call.advance(60);
  CHECK(size(call) == 1);
}

TEST_CASE("dict: a session that has no ephemeral entry left is not named as a holder",
          "[objects]") {
  MachineCalls call;
  call("object.create", "dict", "d");
  call.open(2);
  const auto holds = [&] {
    const Session& session = *call.machine().sessions().find(call.session(2));
    bool found = false;
    session.grants.each([&](ObjectId) { found = true; });
    return found;
  };
  call.over(2, 0, "dict.set", "d", 1, 1, kNull, true);
  CHECK(holds());
  call("dict.set", "d", 1, 2);
  CHECK_FALSE(holds());
  call.over(2, 0, "dict.set", "d", 1, 1, kNull, true);
  call("dict.clear", "d");
  CHECK_FALSE(holds());
  call.over(2, 0, "dict.set", "d", 1, 1, 1, true);
  call.advance(1);
  CHECK_FALSE(holds());
  call.over(2, 0, "dict.set", "d", 1, 1, kNull, true);
  call("object.delete", "d");
  CHECK_FALSE(holds());
}

TEST_CASE("dict: the leases of a cleared or deleted dict are freed", "[objects]") {
  MachineCalls call;
  call("object.create", "dict", "d");
  const std::size_t before = call.machine().memory_used();
  for (const char* method : {"dict.clear", "object.delete"}) {
    for (int i = 0; i < 5'000; ++i) call("dict.set", "d", i, i, 60);
    call(method, "d");
    const bool there = call.machine().registry().find("d") != nullptr;
    if (there) CHECK_FALSE(dict_of(call).has_leases());
    call.idle();
    CHECK(call.machine().memory_used() < before + 8'192);
  }
}

TEST_CASE("dict: a saved one has the ends of its entries", "[objects]") {
  MachineCalls call;
  call("object.create", "dict", "d");
  call.open(2);
  call("dict.set", "d", "plain", 1);
  call("dict.set", "d", "timed", 1, 5);
  call.over(2, 0, "dict.set", "d", "mine", 1, kNull, true);
  call.over(2, 0, "dict.set", "d", "both", 1, 5, true);
  Object& object = *call.machine().registry().find("d");
  std::string saved;
  Writer out{saved};
  object.state->save(out);
  const auto load = [&] {
    Creation creation{call.machine(), object.type, object.id, object.name, {}, {}};
    auto loaded = object.type->load(creation, PackedView{saved});
    REQUIRE(loaded);
    object.state.swap(*loaded);
    while (!(*loaded)->release_some(call.machine(), 3)) {
    }
  };
  load();
  std::string again;
  Writer out_again{again};
  object.state->save(out_again);
  CHECK(again == saved);
  call.advance(5);
  CHECK(size(call) == 2);
  call.end(2);
  CHECK(size(call) == 1);
  // An entry whose session no longer exists is not loaded.
  load();
  CHECK(size(call) == 2);
  call("dict.set", "d", "next", 1, 1);
  call.advance(1);
  CHECK(size(call) == 1);
}

TEST_CASE("dict: at the memory cap an end can be taken away or come at once", "[objects]") {
  MachineInput input;
  input.limits.memory_bytes_max = 40'000;
  MachineCalls call{std::move(input)};
  call("object.create", "dict", "d");
  call("dict.set", "d", "plain", 1);
  int filled = 0;
  while (call("dict.set", "d", filled, std::string(100, 'x'), 60).error.empty()) ++filled;
  CHECK(filled > 50);
  CHECK(filled < 200);
  CHECK(call("dict.expire", "d", "plain", 60).error == "OutOfMemory");
  CHECK(call("dict.ttl", "d", "plain").result.view().is_null());
  CHECK(call("dict.expire", "d", 0, 30).as<bool>());
  CHECK(call("dict.expire", "d", 0, kNull).as<bool>());
  CHECK(call("dict.expire", "d", 1, 0).as<bool>());
  CHECK_FALSE(call("dict.contains", "d", 1).as<bool>());
}

}  // namespace
}  // namespace agora::test
