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

StreamSocket socket_of(asio::io_context& io, Descriptor descriptor) {
  return StreamSocket{io, asio::generic::stream_protocol{AF_UNIX, 0}, descriptor.release()};
}

TEST_CASE("hub: a connection that cannot be read is closed at once", "[net]") {
  HeapExtents extents;
  StandingClock clock;
  MemoryJournal journal;
  Machine machine{all_types(), extents, {}};
  asio::io_context io;
  Hub hub{io, clock, [] {}};
  Engine engine{machine, clock, journal, hub};
  hub.join(engine);
  Descriptor file{::memfd_create("no socket", MFD_CLOEXEC)};
  REQUIRE(file.is_open());
  auto connection = std::make_shared<Connection>(hub, socket_of(io, std::move(file)), Peer{});
  const std::weak_ptr<Connection> kept = connection;
  hub.add(std::move(connection));
  hub.poll();
  CHECK(kept.expired());
  CHECK(hub.size() == 0);
  CHECK(machine.sessions().find(LinkId{1}) == nullptr);
}

TEST_CASE("hub: a silent connection does not set back the time of another one's call", "[net]") {
  HeapExtents extents;
  StandingClock clock;
  MemoryJournal journal;
  Machine machine{all_types(), extents, {}};
  asio::io_context io;
  Hub hub{io, clock, [] {}};
  Engine engine{machine, clock, journal, hub};
  hub.join(engine);
  std::array<int, 2> ends{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
  const Descriptor client{ends[1]};
  hub.add(std::make_shared<Connection>(hub, socket_of(io, Descriptor{ends[0]}), Peer{}));
  hub.poll();
  CHECK(machine.sessions().find(LinkId{1}) != nullptr);
  // The next command starts a batch of its own, at the present time.
  clock.time += std::chrono::seconds{10};
  static_cast<void>(engine.open(Peer{}));
  hub.turn();
  CHECK(machine.now() == clock.time);
  hub.close_all();
  hub.poll();  // the handler of the cancelled read holds the connection
}

}  // namespace
}  // namespace agora
