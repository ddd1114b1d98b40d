// SPDX-License-Identifier: MIT

// TLS handshakes beside other connections, and a server that ends in the middle of them.

#include "server/net/tls_service.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <openssl/ssl.h>
#include <string>
#include <sys/socket.h>
#include <vector>

#include "server/engine/memory_journal.hpp"
#include "server/net/connection.hpp"
#include "server/objects/types.hpp"
#include "server/storage/heap_extents.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/certificates.hpp"

namespace agora {
namespace {

class StandingClock : public Clock {
 public:
  Instant now() override { return time; }
  Instant time{};
};

TlsContext context_for_localhost() {
  static const auto authority = [] {
    auto made = std::make_unique<test::Authority>();
    made->issue({.names = {"DNS:localhost"}});
    return made;
  }();
  return TlsContext(
      {.certificate = authority->certificate("server"), .key = authority->key("server")});
}

/// A server without listeners.
struct TlsServer {
  TlsServer() {
    hub.join(engine);
    hub.serve_tls(service);
  }
  /// Ends the server as its owner does; see Server.
  ~TlsServer() {
    hub.close_all();
    hub.end();
    io.restart();
    io.poll();
  }

  /// Returns the client's end of a new connection.
  Descriptor connect() {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
    Peer peer;
    peer.transport = "tcp";
    hub.add(std::make_shared<Connection>(
        hub, StreamSocket{io, asio::generic::stream_protocol{AF_UNIX, 0}, ends[0]}, peer));
    return Descriptor{ends[1]};
  }
  /// Runs at most `count` handlers. @return how many ran
  std::size_t run(std::size_t count) {
    std::size_t done = 0;
    io.restart();
    while (done < count && io.poll_one() > 0) ++done;
    return done;
  }

  HeapExtents extents;
  StandingClock clock;
  MemoryJournal journal;
  asio::io_context io{ASIO_CONCURRENCY_HINT_UNSAFE};
  Machine machine{all_types(), extents, {}};
  Hub hub{io, clock, [] {}};
  Engine engine{machine, clock, journal, hub};
  TlsService service{hub, context_for_localhost()};
};

/// The client's side of TLS on a descriptor.
class Client {
 public:
  explicit Client(Descriptor socket) : socket_(std::move(socket)) {
    SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
    stream_ = std::make_unique<TlsStream>(SSL_new(context));
    SSL_CTX_free(context);
    SSL_set_connect_state(stream_->ssl());
  }

  /// Goes on with the handshake as far as the server's bytes reach.
  TlsStream::State handshake() {
    const std::string from = received();
    std::string_view rest = from;
    std::string to;
    const TlsStream::State state = stream_->handshake(rest, to);
    send(to);
    return state;
  }
  void call(const std::string& line) {
    const iovec part{const_cast<char*>(line.data()), line.size()};
    std::string records;
    CHECK(stream_->seal({&part, 1}, line.size(), records) == line.size());
    send(records);
  }
  std::string reply() {
    const std::string from = received();
    std::string_view rest = from;
    std::string unused;
    std::array<char, 1000> space;
    const TlsStream::Opened got = stream_->open(rest, space, unused);
    return {space.data(), got.bytes};
  }
  bool has_bytes() const {
    char byte = 0;
    return ::recv(socket_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
  }

 private:
  std::string received() const {
    std::string bytes(20'000, '\0');
    const ssize_t got = ::recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
  }
  void send(const std::string& bytes) const {
    if (bytes.empty()) return;
    CHECK(::send(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL) ==
          static_cast<ssize_t>(bytes.size()));
  }

  Descriptor socket_;
  std::unique_ptr<TlsStream> stream_;
};

/// Makes a handshake and a call, until `count` handlers of the server have run.
/// @return true if the reply came before
bool call_within(TlsServer& server, std::size_t count) {
  Client client(server.connect());
  std::size_t ran = 0;
  bool called = false;
  TlsStream::State state = client.handshake();
  while (ran < count) {
    ran += server.run(1);
    if (state == TlsStream::State::more) state = client.handshake();
    if (state == TlsStream::State::done && !called) {
      client.call("ping\n");
      called = true;
    }
    if (called && client.reply() == "\"pong\"\n") return true;
  }
  return false;
}

TEST_CASE("TLS service: a server is ended after any handler of a handshake and a call", "[tls]") {
  std::size_t count = 0;
  for (bool done = false; !done; ++count) {
    TlsServer server;
    done = call_within(server, count);
    REQUIRE(count < 1000);
  }
  CHECK(count > 3);
}

TEST_CASE("TLS service: other connections are served between two steps of handshakes", "[tls]") {
  TlsServer server;
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(std::make_unique<Client>(server.connect()));
    CHECK(clients.back()->handshake() == TlsStream::State::more);
  }
  const Descriptor plain = server.connect();
  CHECK(::send(plain.get(), "ping\n", 5, MSG_NOSIGNAL) == 5);
  char byte = 0;
  for (int ran = 0; ::recv(plain.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 1; ++ran) {
    REQUIRE(server.run(1) == 1);
    REQUIRE(ran < 1000);
  }
  const auto served = [&] {
    return std::count_if(clients.begin(), clients.end(),
                         [](const auto& client) { return client->has_bytes(); });
  };
  CHECK(served() < 5);
  while (server.run(100) > 0) {
  }
  CHECK(served() == 20);
  CHECK(server.hub.size() == 21);
}

}  // namespace
}  // namespace agora
