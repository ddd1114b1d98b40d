// SPDX-License-Identifier: MIT

// After its reply a connection is read once more before it waits in Asio: the next message is found
// without a wait, and a client that has connected before that message was sent is still met first.

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "server/engine/memory_journal.hpp"
#include "server/net/acceptor.hpp"
#include "server/net/connection.hpp"
#include "server/objects/types.hpp"
#include "server/storage/heap_extents.hpp"
#include "tests/support/catch.hpp"

namespace agora {
namespace {

class StandingClock : public Clock {
 public:
  Instant now() override { return {}; }
};

/// Calls a function once a certain batch was committed, before its replies are sent.
class CallingJournal : public MemoryJournal {
 public:
  void after_batch(int count, std::function<void()> call) {
    count_ = count;
    call_ = std::move(call);
  }
  std::unique_ptr<Batch> committed() override {
    auto batch = MemoryJournal::committed();
    if (batch && --count_ == 0) call_();
    return batch;
  }

 private:
  int count_ = 0;
  std::function<void()> call_;
};

constexpr std::string_view kStats = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"server.stats\"}\n";

Descriptor unix_socket() {
  return Descriptor{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
}

/// A server that listens on a Unix socket whose name the kernel gives.
struct ListeningServer {
  ListeningServer() {
    hub.join(engine);
    Descriptor listening = unix_socket();
    const sockaddr_un unnamed{AF_UNIX, {}};
    REQUIRE(::bind(listening.get(), reinterpret_cast<const sockaddr*>(&unnamed),
                   sizeof(sa_family_t)) == 0);
    REQUIRE(::listen(listening.get(), 16) == 0);
    REQUIRE(::getsockname(listening.get(), reinterpret_cast<sockaddr*>(&name), &name_size) == 0);
    acceptor.emplace(
        hub, ListeningSocket{io, asio::generic::stream_protocol{AF_UNIX, 0}, listening.release()},
        [](int) { return Peer{}; }, 0);
    acceptor->start();
  }
  ~ListeningServer() {
    acceptor->stop();
    hub.close_all();
    hub.end();
    io.restart();
    io.poll();
  }

  Descriptor connect() {
    Descriptor client = unix_socket();
    REQUIRE(::connect(client.get(), reinterpret_cast<const sockaddr*>(&name), name_size) == 0);
    return client;
  }

  HeapExtents extents;
  StandingClock clock;
  CallingJournal journal;
  asio::io_context io{ASIO_CONCURRENCY_HINT_UNSAFE};
  Machine machine{all_types(), extents, {}};
  Hub hub{io, clock, [] {}};
  Engine engine{machine, clock, journal, hub};
  std::optional<Acceptor> acceptor;
  sockaddr_un name{};
  socklen_t name_size = sizeof(name);
};

void send(const Descriptor& client, std::string_view line) {
  REQUIRE(::send(client.get(), line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL) ==
          static_cast<ssize_t>(line.size()));
}

std::string receive(const Descriptor& client) {
  std::array<char, 1 << 16> space{};
  const ssize_t got = ::recv(client.get(), space.data(), space.size(), MSG_DONTWAIT);
  return {space.data(), got < 0 ? 0 : static_cast<std::size_t>(got)};
}

/// Returns the number of sessions that a reply to server.stats tells.
std::string sessions_of(const std::string& reply) {
  constexpr std::string_view kKey = "\"sessions\":";
  const std::size_t at = reply.find(kKey);
  REQUIRE(at != std::string::npos);
  return reply.substr(at + kKey.size(), 1);
}

TEST_CASE("speculative poll: the next message is read in the turn that serves the one before",
          "[net]") {
  ListeningServer server;
  const Descriptor client = server.connect();
  send(client, kStats);
  server.journal.after_batch(2, [&] { send(client, kStats); });
  server.io.restart();
  while (receive(client).empty()) REQUIRE(server.io.poll_one() == 1);
  int unread = -1;
  REQUIRE(::ioctl(client.get(), TIOCOUTQ, &unread) == 0);
  CHECK(unread == 0);
  server.hub.poll();
  CHECK(sessions_of(receive(client)) == "1");
}

TEST_CASE("speculative poll: a client that connected before a message is met before it", "[net]") {
  ListeningServer server;
  const Descriptor first = server.connect();
  Descriptor second;
  send(first, kStats);
  // During the turn that serves the first message, behind Asio's look at the sockets.
  server.journal.after_batch(2, [&] {
    second = server.connect();
    send(first, kStats);
  });
  server.hub.poll();
  const std::string replies = receive(first);
  CHECK(sessions_of(replies) == "1");
  CHECK(sessions_of(replies.substr(replies.find('\n') + 1)) == "2");
}

}  // namespace
}  // namespace agora
