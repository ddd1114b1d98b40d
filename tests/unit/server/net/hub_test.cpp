// SPDX-License-Identifier: MIT

#include "server/net/hub.hpp"

#include <array>
#include <chrono>
#include <memory>
#include <sys/mman.h>
#include <sys/socket.h>
#include <system_error>

#include "server/engine/memory_journal.hpp"
#include "server/net/connection.hpp"
#include "server/objects/types.hpp"
#include "server/storage/heap_extents.hpp"
#include "tests/support/catch.hpp"

namespace agora {
namespace {

class StandingClock : public Clock {
 public:
  Instant now() override { return time; }
  Instant time{};
};

TEST_CASE("hub: a connection that epoll refuses is closed at once", "[net]") {
  HeapExtents extents;
  StandingClock clock;
  MemoryJournal journal;
  Machine machine{all_types(), extents, {}};
  Loop loop;
  Hub hub{loop, clock, [] {}};
  Engine engine{machine, clock, journal, hub};
  hub.join(engine);
  // epoll refuses regular files, as it does any descriptor when the kernel has no memory for it.
  Descriptor file{::memfd_create("unwatched", MFD_CLOEXEC)};
  REQUIRE(file.is_open());
  auto connection = std::make_shared<Connection>(hub, std::move(file), Peer{});
  const std::weak_ptr<Connection> kept = connection;
  CHECK_THROWS_AS(hub.add(std::move(connection)), std::system_error);
  CHECK(kept.expired());
  CHECK(hub.size() == 0);
  hub.turn();
  CHECK(machine.sessions().find(LinkId{1}) == nullptr);
}

TEST_CASE("hub: a silent connection does not set back the time of another one's call", "[net]") {
  HeapExtents extents;
  StandingClock clock;
  MemoryJournal journal;
  Machine machine{all_types(), extents, {}};
  Loop loop;
  Hub hub{loop, clock, [] {}};
  Engine engine{machine, clock, journal, hub};
  hub.join(engine);
  std::array<int, 2> ends{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
  const Descriptor client{ends[1]};
  hub.add(std::make_shared<Connection>(hub, Descriptor{ends[0]}, Peer{}));
  loop.poll();
  CHECK(machine.sessions().find(LinkId{1}) != nullptr);
  // The next command starts a batch of its own, at the present time.
  clock.time += std::chrono::seconds{10};
  static_cast<void>(engine.open(Peer{}));
  hub.turn();
  CHECK(machine.now() == clock.time);
  hub.close_all();
}

}  // namespace
}  // namespace agora
