// What watchers and subscribers hear over cuts: once a session has resumed, all that it has not
// confirmed, or one gap; and how much is remembered for it.

#include <string>
#include <vector>

#include "server/core/methods/scalar.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/machine_calls.hpp"

namespace agora::test {
namespace {

/// A field of a map whose keys are text; absent if it has none of that name.
PackedView field(PackedView map, std::string_view name) {
  Reader reader{map};
  Token head;
  static_cast<void>(reader.next(head));
  for (std::uint32_t left = head.count; left > 0; --left) {
    const PackedView key = reader.value();
    const PackedView value = reader.value();
    if (read(key).body == name) return value;
  }
  return {};
}

std::string text(PackedView value) {
  return value.present() ? std::string{read(value).body} : std::string{};
}

/// An opened session that moves from link to link.
class Watcher {
 public:
  explicit Watcher(MachineCalls& calls) : calls_(calls), link_(next_link(calls)) {
    const auto opened = this->calls("session.open");
    id_ = text(field(opened.result, "session"));
    number_ = 1;
  }

  template <typename... Args>
  Given operator()(std::string_view method, const Args&... arguments) {
    return calls_.over(link_, number_++, method, arguments...);
  }
  /// All replies so far have arrived.
  void confirm() { calls_.over(link_, 0, "session.acknowledge", number_ - 1); }
  void cut() { calls_.end(link_); }
  /// @return the versions that it hears of, with "gap" and "object.delete" by their names.
  std::vector<std::string> resume() {
    link_ = next_link(calls_);
    CHECK(calls("session.resume", id_, std::string{}).error.empty());
    return heard();
  }
  std::vector<std::string> heard() const {
    std::vector<std::string> all;
    for (const Packed& notice : calls_.notices(link_)) {
      std::string one = text(field(notice, "kind")) == "gap" ? "gap " : "";
      if (text(field(notice, "method")) == "object.delete") one = "delete ";
      all.push_back(one + std::to_string(read(field(notice, "version")).natural));
    }
    return all;
  }

 private:
  static std::uint64_t next_link(MachineCalls& calls) {
    const std::uint64_t link = 100 + calls.machine().next_number();
    calls.open(link);
    return link;
  }
  template <typename... Args>
  Given calls(std::string_view method, const Args&... arguments) {
    return calls_.over(link_, 0, method, arguments...);
  }

  MachineCalls& calls_;
  std::uint64_t link_;
  std::uint64_t number_ = 1;
  std::string id_;
};

using Heard = std::vector<std::string>;

TEST_CASE("A resumed session hears what it missed, after the answer to resume", "[core]") {
  MachineCalls call;
  call("object.create", "dict", "d");
  Watcher watcher{call};
  watcher("object.watch", "d");
  call("dict.set", "d", 1, 1);
  CHECK(watcher.heard() == Heard{"2"});
  watcher("ping");
  watcher.confirm();
  watcher.cut();
  call("dict.set", "d", 2, 1);
  CHECK(watcher.heard().empty());
  call("dict.set", "d", 3, 1);
  CHECK(watcher.resume() == Heard{"3", "4"});
  CHECK(call.effects().list.back().kind == Effect::Kind::notice);
  call("dict.set", "d", 4, 1);
  CHECK(watcher.heard() == Heard{"5"});
}

TEST_CASE("What was sent but never confirmed is told again", "[core]") {
  MachineCalls call;
  call("object.create", "dict", "d");
  Watcher watcher{call};
  watcher("object.watch", "d");
  call("dict.set", "d", 1, 1);
  watcher("ping");
  call("dict.set", "d", 2, 1);
  watcher("ping");
  // Only the first reply behind a notice counts until it is confirmed.
  watcher.confirm();
  call("dict.set", "d", 3, 1);
  watcher.cut();
  CHECK(watcher.resume() == Heard{"3", "4"});
  watcher("ping");
  watcher.confirm();
  watcher.cut();
  CHECK(watcher.resume().empty());
}

TEST_CASE("What the history no longer reaches is one gap", "[core]") {
  MachineInput input;
  input.limits.history_entries_max = 10;
  MachineCalls call{std::move(input)};
  call("object.create", "dict", "d");
  Watcher watcher{call};
  watcher("object.watch", "d");
  watcher.cut();
  for (int i = 0; i < 10; ++i) call("dict.set", "d", 1, i);
  CHECK(watcher.resume().size() == 10);
  watcher("ping");
  watcher.confirm();
  watcher.cut();
  for (int i = 0; i < 11; ++i) call("dict.set", "d", 1, i);
  CHECK(watcher.resume() == Heard{"gap 22"});
  call("dict.set", "d", 1, 1);
  CHECK(watcher.heard() == Heard{"23"});
}

TEST_CASE("The history is bounded in bytes as well, and counts as memory", "[core]") {
  MachineInput input;
  input.limits.history_bytes_max = 10'000;
  MachineCalls call{std::move(input)};
  call("object.create", "dict", "d");
  Watcher watcher{call};
  watcher("object.watch", "d");
  watcher.cut();
  const std::size_t before = call.machine().memory_used();
  call("dict.contains", "d", std::string(4'000, 'k'));
  for (int i = 0; i < 20; ++i) call("dict.set", "d", std::string(4'000, 'k'), i);
  const ChangeFeed& feed = *call.machine().registry().find("d")->watched;
  CHECK(feed.entries().size() == 2);
  CHECK(call.machine().memory_used() >= before + feed.bytes());
  CHECK(watcher.resume() == Heard{"gap 21"});
}

TEST_CASE("An object that was deleted during a cut is heard of", "[core]") {
  MachineCalls call;
  call("object.create", "dict", "d");
  Watcher watcher{call};
  watcher("object.watch", "d");
  watcher.cut();
  call("object.delete", "d");
  call("object.create", "dict", "d");
  CHECK(watcher.resume() == Heard{"delete 2"});
  watcher.cut();
  CHECK(watcher.resume() == Heard{"delete 2"});
  call("dict.set", "d", 1, 1);
  CHECK(watcher.heard().empty());
}

TEST_CASE("A subscription survives a cut, and keeps alive what it is yet to tell", "[core]") {
  MachineInput input;
  input.limits.history_entries_max = 2;
  MachineCalls call{std::move(input)};
  call("object.create", "topic", "t");
  const std::string name = call("object.create", "dict").as<reference>().name;
  Watcher watcher{call};
  watcher("topic.subscribe", "t");
  watcher.cut();
  CHECK(call("topic.publish", "t", reference{name}).as<int>() == 1);
  call("object.release", name);
  CHECK(call("topic.publish", "t", 1).as<int>() == 1);
  CHECK(call("object.exists", name).as<bool>());
  CHECK(watcher.resume() == Heard{"2", "3"});
  call("topic.publish", "t", 2);
  CHECK_FALSE(call("object.exists", name).as<bool>());
}

TEST_CASE("Nothing is remembered once a subscriber or a watcher is long gone", "[core]") {
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
  CHECK(dict.watched->followers.empty());
  CHECK(call.machine().next_deadline());
  call.advance(61);
  CHECK(dict.watched == nullptr);
}

TEST_CASE("A session watches so many objects and no more", "[core]") {
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

TEST_CASE("A resume with much to tell ends in gaps, not in a full connection", "[core]") {
  MachineInput input;
  input.limits.history_bytes_max = 4'000;
  MachineCalls call{std::move(input)};
  Watcher watcher{call};
  const std::vector<std::string> names{"a", "b", "c"};
  for (const std::string& name : names) {
    call("object.create", "dict", name);
    watcher("object.watch", name);
  }
  watcher.cut();
  for (const std::string& name : names) call("dict.set", name, std::string(1'500, 'k'), 1);
  CHECK(watcher.resume() == Heard{"2", "2", "gap 2"});
}

}  // namespace
}  // namespace agora::test
