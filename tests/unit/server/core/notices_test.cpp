// SPDX-License-Identifier: MIT

// Notifications over reconnects: a resumed session gets all notices that it has not confirmed, or
// one gap notice; and the bounds of the history.

#include <string>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/machine_calls.hpp"
#include "tests/unit/server/core/watcher.hpp"

namespace agora::test {
namespace {

using Notices = std::vector<std::string>;

TEST_CASE("notices: a resumed session gets missed ones after the reply to resume", "[core]") {
  MachineCalls call;
  call("object.create", "dict", "d");
  Watcher watcher{call};
  watcher("object.watch", "d");
  call("dict.set", "d", 1, 1);
  CHECK(watcher.received() == Notices{"2"});
  watcher("ping");
  watcher.confirm();
  watcher.disconnect();
  call("dict.set", "d", 2, 1);
  CHECK(watcher.received().empty());
  call("dict.set", "d", 3, 1);
  CHECK(watcher.resume() == Notices{"3", "4"});
  CHECK(call.effects().list.back().kind == Effect::Kind::notice);
  call("dict.set", "d", 4, 1);
  CHECK(watcher.received() == Notices{"5"});
}

TEST_CASE("notices: unconfirmed ones are sent again", "[core]") {
  MachineCalls call;
  call("object.create", "dict", "d");
  Watcher watcher{call};
  watcher("object.watch", "d");
  call("dict.set", "d", 1, 1);
  watcher("ping");
  call("dict.set", "d", 2, 1);
  watcher("ping");
  // One reply at a time is marked: the first one after a notice.
  watcher.confirm();
  call("dict.set", "d", 3, 1);
  watcher.disconnect();
  CHECK(watcher.resume() == Notices{"3", "4"});
  watcher("ping");
  watcher.confirm();
  watcher.disconnect();
  CHECK(watcher.resume().empty());
}

TEST_CASE("notices: those that the history no longer has become one gap", "[core]") {
  MachineInput input;
  input.limits.history_entries_max = 10;
  MachineCalls call{std::move(input)};
  call("object.create", "dict", "d");
  Watcher watcher{call};
  watcher("object.watch", "d");
  watcher.disconnect();
  for (int i = 0; i < 10; ++i) call("dict.set", "d", 1, i);
  CHECK(watcher.resume().size() == 10);
  watcher("ping");
  watcher.confirm();
  watcher.disconnect();
  for (int i = 0; i < 11; ++i) call("dict.set", "d", 1, i);
  CHECK(watcher.resume() == Notices{"gap 22"});
  call("dict.set", "d", 1, 1);
  CHECK(watcher.received() == Notices{"23"});
}

TEST_CASE("history: it is bounded in bytes as well, and counts as memory", "[core]") {
  MachineInput input;
  input.limits.history_bytes_max = 10'000;
  MachineCalls call{std::move(input)};
  call("object.create", "dict", "d");
  Watcher watcher{call};
  watcher("object.watch", "d");
  watcher.disconnect();
  const std::size_t before = call.machine().memory_used();
  call("dict.contains", "d", std::string(4'000, 'k'));
  for (int i = 0; i < 20; ++i) call("dict.set", "d", std::string(4'000, 'k'), i);
  const ChangeFeed& feed = *call.machine().registry().find("d")->watched->all;
  CHECK(feed.entries().size() == 2);
  CHECK(call.machine().memory_used() >= before + feed.bytes());
  CHECK(watcher.resume() == Notices{"gap 21"});
}

TEST_CASE("notices: a resumed session gets the final notice of a deleted object", "[core]") {
  MachineCalls call;
  call("object.create", "dict", "d");
  Watcher watcher{call};
  watcher("object.watch", "d");
  watcher.disconnect();
  call("object.delete", "d");
  call("object.create", "dict", "d");
  CHECK(watcher.resume() == Notices{"delete 2"});
  watcher.disconnect();
  CHECK(watcher.resume() == Notices{"delete 2"});
  call("dict.set", "d", 1, 1);
  CHECK(watcher.received().empty());
}

TEST_CASE("subscription: it survives a disconnect and keeps the objects of pending notices alive",
          "[core]") {
  MachineInput input;
  input.limits.history_entries_max = 2;
  MachineCalls call{std::move(input)};
  call("object.create", "topic", "t");
  const std::string name = call("object.create", "dict").as<reference>().name;
  Watcher watcher{call};
  watcher("topic.subscribe", "t");
  watcher.disconnect();
  CHECK(call("topic.publish", "t", reference{name}).as<int>() == 1);
  call("object.release", name);
  CHECK(call("topic.publish", "t", 1).as<int>() == 1);
  CHECK(call("object.exists", name).as<bool>());
  CHECK(watcher.resume() == Notices{"2", "3"});
  call("topic.publish", "t", 2);
  CHECK_FALSE(call("object.exists", name).as<bool>());
}

TEST_CASE("history: it is dropped a minute after the last watcher or subscriber", "[core]") {
  MachineCalls call;
  call("object.create", "topic", "t");
  call("object.create", "dict", "d");
  {
    Watcher watcher{call};
    watcher("topic.subscribe", "t");
    watcher("object.watch", "d");
    call("topic.publish", "t", 1);
    watcher("session.close");
  }
  Object& topic = *call.machine().registry().find("t");
  CHECK(topic.state->feed()->entries().empty());
  CHECK(call("topic.publish", "t", 1).as<int>() == 0);
  Object& dict = *call.machine().registry().find("d");
  CHECK(dict.watched != nullptr);
  CHECK(dict.watched->all->followers.empty());
  CHECK(call.machine().next_deadline());
  call.advance(61);
  CHECK(dict.watched == nullptr);
}

TEST_CASE("session: the number of watched objects is bounded", "[core]") {
  MachineInput input;
  input.limits.session_watches_max = 2;
  MachineCalls call{std::move(input)};
  call("object.create", "topic", "t");
  call("object.create", "dict", "d");
  CHECK(call("object.watch", "t").error.empty());
  CHECK(call("topic.subscribe", "t").error.empty());
  CHECK(call("object.watch", "d").error == "Overloaded");
  CHECK(call("topic.subscribe", "t").error.empty());
  CHECK(call("object.watch", "t").error.empty());
  call("object.unwatch", "t");
  CHECK(call("object.watch", "d").error.empty());
}

TEST_CASE("notices: a resume over the budget ends in gaps, not in a full connection", "[core]") {
  MachineInput input;
  input.limits.history_bytes_max = 4'000;
  MachineCalls call{std::move(input)};
  Watcher watcher{call};
  const std::vector<std::string> names{"a", "b", "c"};
  for (const std::string& name : names) {
    call("object.create", "dict", name);
    watcher("object.watch", name);
  }
  watcher.disconnect();
  for (const std::string& name : names) call("dict.set", name, std::string(1'500, 'k'), 1);
  CHECK(watcher.resume() == Notices{"2", "2", "gap 2"});
}

}  // namespace
}  // namespace agora::test
