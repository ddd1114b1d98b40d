// SPDX-License-Identifier: MIT

// A message that goes over a slow link: its progress, in either direction, keeps an opened session
// alive, if it is at least 1 KiB in a third of the ttl.

#include <chrono>
#include <string>

#include "shared/value/msgpack_writer.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/server/net/socketless_server.hpp"

using namespace std::chrono_literals;

namespace agora {
namespace {

std::string call(std::uint64_t id, std::string_view method, std::uint32_t params) {
  std::string bytes;
  Writer out{bytes};
  out.list(4);
  out.integer(0), out.unsigned_integer(id), out.text(method), out.list(params);
  return bytes;
}

/// Opens a session with a ttl of 3 s. @return its connection
std::size_t open_session(SocketlessServer& server) {
  const std::size_t connection = server.connect();
  std::string bytes = call(0, "session.open", 1);
  Writer{bytes}.integer(3);
  server.send(connection, bytes);
  server.turn();
  return connection;
}

/// Sends `pieces` pieces of a message in steps of time, and its rest. @return true if the session
/// has lived on
bool lives_through(std::size_t piece_bytes, Duration step, int pieces) {
  SocketlessServer server;
  const std::size_t connection = open_session(server);
  std::string bytes = call(1, "ping", 1);
  Writer{bytes}.text(std::string(piece_bytes * static_cast<std::size_t>(pieces), 'x'));
  for (int i = 0; i < pieces; ++i) {
    server.send(connection, std::string_view{bytes}.substr(0, piece_bytes));
    bytes.erase(0, piece_bytes);
    server.advance(step);
  }
  server.send(connection, bytes + call(2, "session.ping", 0));
  server.finish();
  return server.received(connection).find("SessionLost") == std::string::npos;
}

TEST_CASE("progress: a message that arrives slowly keeps its session alive", "[net]") {
  CHECK(lives_through(2'000, 2900ms, 10));
  CHECK(lives_through(400, 300ms, 60));
}

TEST_CASE("progress: less than 1 KiB in a third of the ttl is no heartbeat", "[net]") {
  CHECK_FALSE(lives_through(300, 500ms, 40));
  CHECK_FALSE(lives_through(1, 100ms, 60));
}

TEST_CASE("progress: a reply that is read slowly keeps its session alive", "[net]") {
  SocketlessServer server;
  const std::size_t connection = open_session(server);
  for (int i = 0; i < 10; ++i) {
    server.advance(2900ms);
    server.dialogue(connection).note_sent(2'000);
    server.turn();
  }
  server.send(connection, call(1, "session.ping", 0));
  server.finish();
  CHECK(server.received(connection).find("SessionLost") == std::string::npos);
}

}  // namespace
}  // namespace agora
