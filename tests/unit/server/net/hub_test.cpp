#include "server/net/hub.hpp"

#include <memory>
#include <sys/mman.h>
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
  Instant now() override { return Instant{}; }
};

TEST_CASE("a connection that cannot be watched is closed at once", "[net]") {
  HeapExtents extents;
  StandingClock clock;
  MemoryJournal journal;
  Machine machine{all_types(), extents, {}};
  Loop loop;
  Hub hub{loop, clock, [] {}};
  Engine engine{machine, clock, journal, hub};
  hub.join(engine);
  // No system lets a file be watched: the same as when it has no memory for another watch.
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

}  // namespace
}  // namespace agora
