// SPDX-License-Identifier: MIT

// A server may be ended after any handler: what the handlers that are left refer to still exists.

#include <array>
#include <memory>
#include <string>
#include <sys/socket.h>
#include <vector>

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

/// A server without listeners, and the client's end of one connection whose client reads nothing.
struct StoppedServer {
  StoppedServer() {
    hub.join(engine);
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
    client = Descriptor{ends[1]};
    auto made = std::make_shared<Connection>(
        hub, StreamSocket{io, asio::generic::stream_protocol{AF_UNIX, 0}, ends[0]}, Peer{});
    connection = made;
    hub.add(std::move(made));
  }
  /// Ends the server as its owner does; see Server.
  ~StoppedServer() {
    hub.close_all();
    hub.end();
    io.restart();
    io.poll();
  }

  void send(const std::string& lines) const {
    CHECK(::send(client.get(), lines.data(), lines.size(), MSG_DONTWAIT | MSG_NOSIGNAL) ==
          static_cast<ssize_t>(lines.size()));
  }

  HeapExtents extents;
  StandingClock clock;
  MemoryJournal journal;
  asio::io_context io{ASIO_CONCURRENCY_HINT_UNSAFE};
  Machine machine{all_types(), extents, {}};
  Hub hub{io, clock, [] {}};
  Engine engine{machine, clock, journal, hub};
  Descriptor client;
  std::weak_ptr<Connection> connection;
};

/// Runs at most `count` handlers. @return how many ran
std::size_t run_handlers(asio::io_context& io, std::size_t count) {
  std::size_t done = 0;
  io.restart();
  while (done < count && io.poll_one() > 0) ++done;
  return done;
}

TEST_CASE("stop: a server is ended after any handler, with replies unsent and calls left",
          "[net]") {
  // Replies of 20 MB in all, as references to one stored value, block the output; what follows is
  // more than one turn takes.
  std::string first = "object.create dict d\ndict.set d k \"" + std::string(20'000, 'x') + "\"\n";
  std::string second;
  for (int i = 0; i < 1'000; ++i) second += "dict.get d k\n";
  std::string third;
  for (int i = 0; i < 500; ++i) third += "ping\n";
  std::size_t ran = 0;
  std::size_t count = 0;
  do {
    std::weak_ptr<Connection> kept;
    {
      StoppedServer server;
      kept = server.connection;
      server.send(first);
      server.send(second);
      server.send(third);
      ran = run_handlers(server.io, count);
    }
    CHECK(kept.expired());
  } while (ran == count++);
  INFO("handlers until nothing was ready: " << ran);
  CHECK(ran > 5);
}

}  // namespace
}  // namespace agora
