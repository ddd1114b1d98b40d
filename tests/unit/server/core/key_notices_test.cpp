// SPDX-License-Identifier: MIT

// Watches of single entries and of names over reconnects: what was missed comes from the history,
// or as a gap.

#include <string>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/machine_calls.hpp"
#include "tests/unit/server/core/watcher.hpp"

namespace agora::test {
namespace {

using Notices = std::vector<std::string>;
const Packed kNull{};

/// Returns the names of the notices that the last command sent: "+name", "-name", "gap pattern
/// type".
Notices names(const Watcher& watcher) {
  Notices all;
  for (const Packed& notice : watcher.notices()) {
    const std::string method = text(field(notice, "method"));
    if (text(field(notice, "kind")) == "gap") {
      const PackedView type = field(notice, "type");
      all.push_back("gap " + text(field(notice, "pattern")) + " " +
                    (type.is_null() ? "null" : text(type)));
    } else if (text(field(notice, "kind")) == "names") {
      all.push_back((method == "object.create" ? "+" : "-") + text(field(notice, "object")));
    }
  }
  return all;
}

TEST_CASE("watch of a key: a resumed session gets the missed changes of that key only", "[core]") {
  MachineCalls call;
  call("object.create", "dict", "d");
  Watcher watcher{call};
  CHECK(watcher("object.watch", "d", kNull, "k").as<int>() == 1);
  call("dict.set", "d", "x", 1);
  CHECK(watcher.received().empty());
  call("dict.set", "d", "k", 1);
  CHECK(watcher.received() == Notices{"3"});
  watcher("ping");
  watcher.confirm();
  watcher.disconnect();
  call("dict.set", "d", "x", 2);
  call("dict.set", "d", "k", 2);
  call("dict.set", "d", "x", 3);
  call("dict.clear", "d");
  CHECK(watcher.resume() == Notices{"5", "7"});
  watcher.disconnect();
  call("dict.set", "d", "x", 3);
  // Unconfirmed notices come again, changes of other keys never.
  CHECK(watcher.resume() == Notices{"5", "7"});
  call("dict.set", "d", "k", 3);
  CHECK(watcher.received() == Notices{"9"});
}

TEST_CASE("watch of a key: a gap replaces notices that are no longer kept, and names the key",
          "[core]") {
  MachineInput input;
  input.limits.history_entries_max = 2;
  MachineCalls call{std::move(input)};
  call("object.create", "dict", "d");
  Watcher watcher{call};
  watcher("object.watch", "d", kNull, "k");
  watcher.disconnect();
  for (int i = 0; i < 5; ++i) call("dict.set", "d", "x", i);
  CHECK(watcher.resume().empty());
  watcher.disconnect();
  for (int i = 0; i < 3; ++i) call("dict.set", "d", "k", i);
  call("dict.set", "d", "x", 9);
  CHECK(watcher.resume() == Notices{"gap 10"});
  CHECK(text(field(watcher.notices().back(), "key")) == "k");
  call("dict.set", "d", "k", 9);
  CHECK(watcher.received() == Notices{"11"});
}

TEST_CASE("watch of a key: a resumed session gets the final notice of a deleted object", "[core]") {
  MachineCalls call;
  call("object.create", "dict", "d");
  Watcher watcher{call};
  watcher("object.watch", "d", kNull, "k");
  watcher("object.watch", "d");
  watcher.disconnect();
  call("object.delete", "d");
  call("object.create", "dict", "d");
  CHECK(watcher.resume() == Notices{"delete 2", "delete 2"});
  CHECK(call.machine().registry().find("d")->version == 3);
}

TEST_CASE("watch of a key: the history is dropped a minute after the last watcher", "[core]") {
  MachineCalls call;
  call("object.create", "dict", "d");
  const std::size_t before = call.machine().memory_used();
  {
    Watcher watcher{call};
    watcher("object.watch", "d", kNull, "k");
    watcher("object.watch", "d", kNull, "l");
    watcher("object.unwatch", "d", "l");
    call("dict.set", "d", "k", 1);
    call("dict.delete", "d", "k");
    watcher("session.close");
  }
  Object& dict = *call.machine().registry().find("d");
  REQUIRE(dict.watched != nullptr);
  CHECK(dict.watched->keys.feeds.size() == 2);
  CHECK(call.machine().memory_used() > before);
  call.advance(61);
  call.advance(61);
  CHECK(dict.watched == nullptr);
  // The record of the session that has ended stays for an hour.
  CHECK(call.machine().memory_used() <= before + 64 + 400);  // the empty dict keeps a bucket
  CHECK(call("dict.set", "d", "k", 1).error.empty());
}

TEST_CASE("watch of a key: it counts towards the bound on the session's watches", "[core]") {
  MachineInput input;
  input.limits.session_watches_max = 2;
  MachineCalls call{std::move(input)};
  call("object.create", "dict", "d");
  CHECK(call("object.watch", "d", kNull, 1).error.empty());
  CHECK(call("object.watch", "d").error.empty());
  CHECK(call("object.watch", "d", kNull, 2).error == "Overloaded");
  CHECK(call("object.watch", "d", kNull, 1).error.empty());
  CHECK(call.machine().registry().find("d")->watched->keys.feeds.size() == 1);
  call("object.unwatch", "d", 1);
  CHECK(call("object.watch", "d", kNull, 2).error.empty());
}

TEST_CASE("names: a resumed session gets the missed creations and deletions in order", "[core]") {
  MachineCalls call;
  Watcher watcher{call};
  watcher("object.watch_names", "job*");
  call("object.create", "dict", "job1");
  CHECK(names(watcher) == Notices{"+job1"});
  watcher("ping");
  watcher.confirm();
  watcher.disconnect();
  call("object.create", "dict", "job2");
  call("object.create", "dict", "other");
  call("object.delete", "job1");
  call("object.create", "list", "job1");
  watcher.resume();
  CHECK(names(watcher) == Notices{"+job2", "-job1", "+job1"});
  CHECK(call.effects().list.back().kind == Effect::Kind::notice);
  // Unconfirmed notices come again.
  watcher.disconnect();
  watcher.resume();
  CHECK(names(watcher) == Notices{"+job2", "-job1", "+job1"});
  watcher("ping");
  watcher.confirm();
  watcher.disconnect();
  watcher.resume();
  CHECK(names(watcher).empty());
  // A pattern that is added later is not told of earlier changes.
  watcher.disconnect();
  call("object.delete", "job2");
  watcher.resume();
  watcher("object.watch_names", "*", "dict");
  watcher.disconnect();
  call("object.delete", "other");
  watcher.resume();
  CHECK(names(watcher) == Notices{"-job2", "-other"});
}

TEST_CASE("names: one gap for each pattern replaces notices that are no longer kept", "[core]") {
  MachineInput input;
  input.limits.history_entries_max = 2;
  MachineCalls call{std::move(input)};
  Watcher watcher{call};
  watcher("object.watch_names", "a*");
  watcher("object.watch_names", "b*", "dict");
  watcher.disconnect();
  for (const char* name : {"a1", "b1", "c1"}) call("object.create", "dict", name);
  watcher.resume();
  CHECK(names(watcher) == Notices{"gap a* null", "gap b* dict"});
  call("object.create", "dict", "b2");
  CHECK(names(watcher) == Notices{"+b2"});
}

TEST_CASE("names: the patterns of a session are bounded, and end with it", "[core]") {
  MachineInput input;
  input.limits.session_patterns_max = 2;
  MachineCalls call{std::move(input)};
  const std::size_t before = call.machine().memory_used();
  {
    Watcher watcher{call};
    CHECK(watcher("object.watch_names", "a").error.empty());
    CHECK(watcher("object.watch_names", "b").error.empty());
    CHECK(watcher("object.watch_names", "c").error == "Overloaded");
    CHECK(watcher("object.watch_names", "b").error.empty());
    CHECK(call.machine().memory_used() > before);
    watcher("object.unwatch_names", "b");
    CHECK(watcher("object.watch_names", "c").error.empty());
    call("object.create", "dict", "c");
    call("object.delete", "c");
    watcher("session.close");
  }
  CHECK(call.machine().memory_used() <= before + 400);  // the record of the ended session
}

}  // namespace
}  // namespace agora::test
