// SPDX-License-Identifier: MIT

// A pipe's bound, its waiting senders, and its saved form.

#include "server/core/state/object.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/machine_calls.hpp"

namespace agora::test {
namespace {

TEST_CASE("pipe: a direction holds 1,024 values, then senders queue up", "[objects]") {
  MachineCalls call;
  call.open(2);
  call("object.create", "pipe", "p");
  for (int i = 0; i < 1'024; ++i) CHECK(call("pipe.send", "p", 0, i).error.empty());
  CHECK(call("pipe.send", "p", 0, 1'024, 0).error == "Timeout");
  CHECK(call("pipe.send", "p", 0, 1'024).waits);
  CHECK(call("pipe.send", "p", 0, 1'025).waits);
  // The other direction has a bound of its own.
  CHECK(call("pipe.send", "p", 1, "x", 0).error.empty());
  for (int i = 0; i < 1'026; ++i) CHECK(call("pipe.receive", "p", 1, 0).as<int>() == i);
  CHECK(call("pipe.receive", "p", 1, 0).error == "Timeout");
  CHECK(call.machine().waiters().size() == 0);
}

TEST_CASE("pipe: closing an end fails its waiting senders and frees their values", "[objects]") {
  MachineCalls call;
  call("object.create", "pipe", "p");
  const std::size_t before = call.machine().arena().bytes_used();
  for (int i = 0; i < 1'024; ++i) call("pipe.send", "p", 0, i);
  CHECK(call("pipe.send", "p", 0, 1'024).waits);
  call("pipe.close", "p", 1);
  CHECK(call.machine().waiters().size() == 0);
  CHECK(call("pipe.send", "p", 0, 1).error == "EndOfStream");
  CHECK(call.machine().arena().bytes_used() == before);
}

TEST_CASE("pipe and topic: are saved and loaded", "[objects]") {
  MachineCalls call;
  call("object.create", "pipe", "p");
  call("pipe.send", "p", 0, "a");
  call("pipe.send", "p", 0, "b");
  call("pipe.close", "p", 0);
  call("object.create", "topic", "t");
  call("topic.publish", "t", 5);
  call("object.create", "topic", "empty");
  for (const char* name : {"p", "t", "empty"}) {
    Object& object = *call.machine().registry().find(name);
    std::string saved;
    Writer out{saved};
    object.state->save(out);
    Creation creation{call.machine(), object.type, ObjectId{1'000}, name, {}, {}};
    auto made = object.type->load(creation, PackedView{saved});
    REQUIRE(made);
    std::string again;
    Writer second{again};
    (*made)->save(second);
    CHECK(again == saved);
    while (!(*made)->release_some(call.machine(), 1)) continue;
  }
}

}  // namespace
}  // namespace agora::test
