// SPDX-License-Identifier: MIT

// The end of a server in good order, the wall clock of the times that clients see, and a system
// that refuses memory.

#include <array>
#include <map>
#include <string>
#include <vector>

#include "server/engine/engine.hpp"
#include "server/engine/memory_journal.hpp"
#include "server/objects/types.hpp"
#include "server/storage/heap_extents.hpp"
#include "shared/value/any.hpp"
#include "shared/value/codec.hpp"
#include "tests/support/catch.hpp"

namespace agora {
namespace {

/// A clock whose wall clock can be set.
class SettableClock : public Clock {
 public:
  Instant now() override { return time; }
  Duration wall_ahead() override { return ahead; }
  Instant time{std::chrono::seconds{1'769'904'000}};
  Duration ahead{};
};

/// An engine whose replies are collected by their tags.
class World : private Outbox {
 public:
  World() : machine_(all_types(), extents_, input()), engine_(machine_, clock, journal_, *this) {}

  LinkId open(const std::string& secret = "") {
    Peer peer;
    peer.role = Role::admin;
    peer.secret = secret;
    return engine_.open(peer);
  }
  template <typename... Params>
  std::uint64_t call(LinkId link, std::string_view method, const Params&... params) {
    CallRequest request;
    request.link = link;
    request.tag = ++last_tag_;
    request.role = Role::admin;
    request.method = method;
    request.numbering = Numbering::whole;
    request.number = last_tag_;
    std::string packed;
    Writer writer{packed};
    writer.list(sizeof...(params));
    (pack_to(writer, params), ...);
    request.params = PackedView{packed};
    REQUIRE(engine_.call(request));
    engine_.turn();
    return last_tag_;
  }
  Engine& engine() { return engine_; }

  SettableClock clock;
  std::map<std::uint64_t, Error> failures;
  std::map<std::uint64_t, Packed> results;
  bool short_of_memory = false;

 private:
  static MachineInput input() {
    MachineInput made;
    made.started = Instant{std::chrono::seconds{1'769'904'000}};
    made.session_suffix = "-9f86d081";
    return made;
  }
  static void pack_to(Writer& writer, std::string_view text) { writer.text(text); }
  static void pack_to(Writer& writer, int number) { writer.integer(number); }
  void deliver(const Effect& effect, const Effects& effects) override {
    if (effect.kind == Effect::Kind::failure) failures.emplace(effect.tag, *effect.error);
    if (effect.kind == Effect::Kind::reply) results[effect.tag] = Packed{effects.result(effect)};
  }
  bool memory_short() override { return short_of_memory; }

  HeapExtents extents_;
  MemoryJournal journal_;
  Machine machine_;
  Engine engine_;
  std::uint64_t last_tag_ = 0;
};

using Members = std::map<std::string, any>;

Members members(const Packed& result) {
  auto value = unpack<Members>(result);
  return value ? std::move(*value) : Members{};
}

TEST_CASE("server ending: waiting calls of opened and plain sessions are refused", "[engine]") {
  World world;
  const LinkId plain = world.open();
  const LinkId opened = world.open("secret");
  world.call(opened, "session.open");
  world.call(plain, "object.create", "queue", "q");
  world.call(plain, "object.create", "barrier", "b");
  const std::array waiting{world.call(plain, "queue.get", "q"),
                           world.call(opened, "queue.get", "q")};
  world.engine().server_ending();
  world.engine().turn();
  for (const std::uint64_t tag : waiting) {
    REQUIRE(world.failures.contains(tag));
    CHECK(world.failures.at(tag).code == Errc::session_lost);
    CHECK(world.failures.at(tag).done == Done::no);
  }
}

TEST_CASE("server ending: no waiter gets what an ending session gives up", "[engine]") {
  World world;
  const LinkId holder = world.open();
  const LinkId waiter = world.open();
  world.call(holder, "object.create", "lock", "l");
  world.call(holder, "lock.acquire", "l");
  const std::uint64_t waiting = world.call(waiter, "lock.acquire", "l");
  world.engine().server_ending();
  world.engine().close(holder);
  world.engine().close(waiter);
  world.engine().turn();
  CHECK(!world.results.contains(waiting));
  CHECK(world.failures.contains(waiting));
}

TEST_CASE("session ids: those of another incarnation are unknown", "[engine]") {
  World world;
  const LinkId first = world.open("secret");
  const auto opened = members(world.results[world.call(first, "session.open")]);
  CHECK(*opened.at("session").get<std::string>() == "s1-9f86d081");
  const LinkId second = world.open();
  const auto resume = [&](std::string_view session, std::string_view token) {
    return world.failures.at(world.call(second, "session.resume", session, token)).code;
  };
  CHECK(resume("s1-00000000", "secret") == Errc::session_lost);
  CHECK(resume("s1", "secret") == Errc::session_lost);
  CHECK(resume("", "secret") == Errc::session_lost);
  CHECK(resume("-9f86d081", "secret") == Errc::session_lost);
  CHECK(resume("s1-9f86d081", "wrong") == Errc::unauthenticated);
  world.call(first, "session.close");
  CHECK(resume("s1-9f86d081", "wrong") == Errc::session_lost);
}

TEST_CASE("wall clock: the times that clients see follow a step of it", "[engine]") {
  World world;
  const LinkId link = world.open();
  const auto info = [&](std::string_view member) {
    return *members(world.results[world.call(link, "server.info")])
                .at(std::string{member})
                .get<double>();
  };
  const double before = info("time");
  const double started = info("started");
  world.clock.ahead = std::chrono::hours{1};
  world.clock.time += std::chrono::seconds{2};
  CHECK(info("time") == before + 3602);
  CHECK(info("started") == started + 3600);  // the uptime is still the difference
}

TEST_CASE("memory: while the system refuses it, nothing grows and the rest works", "[engine]") {
  World world;
  const LinkId link = world.open();
  world.call(link, "object.create", "dict", "d");
  world.call(link, "dict.set", "d", "k", 1);
  world.short_of_memory = true;
  const std::uint64_t refused = world.call(link, "dict.set", "d", "other", 2);
  CHECK(world.failures.at(refused).code == Errc::out_of_memory);
  CHECK(world.results.contains(world.call(link, "dict.get", "d", "k")));
  CHECK(world.results.contains(world.call(link, "dict.delete", "d", "k")));
  world.short_of_memory = false;
  CHECK(world.results.contains(world.call(link, "dict.set", "d", "other", 2)));
}

}  // namespace
}  // namespace agora
