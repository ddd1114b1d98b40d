// SPDX-License-Identifier: MIT

// Expensive calls of one connection: other connections go first, the connection's own order stays,
// and one turn runs no more of them than its budget allows.

#include <string>

#include "tests/support/catch.hpp"
#include "tests/unit/server/net/socketless_server.hpp"

namespace agora {
namespace {

constexpr const char* kCount = R"("method":"list.count","params":["l",-1]})";

std::string message(int id, std::string_view rest) {
  return "{\"id\":" + std::to_string(id) + "," + std::string{rest};
}
std::string line(int id, std::string_view rest) { return message(id, rest) + "\n"; }
std::string result(int id, std::string_view value) {
  return "{\"jsonrpc\":\"2.0\",\"id\":" + std::to_string(id) + ",\"result\":" + std::string{value} +
         "}";
}
std::string reply(int id, std::string_view value) { return result(id, value) + "\n"; }
std::string ping(int id) { return line(id, R"("method":"ping"})"); }

/// A server with a list whose search costs more than a turn may.
class LongList : public SocketlessServer {
 public:
  LongList() : SocketlessServer(limits()) {
    std::string elements = "0";
    for (int i = 1; i < 2'000; ++i) elements += "," + std::to_string(i);
    const std::size_t first = connect();
    send(first,
         R"({"id":1,"method":"object.create","params":["list","l",[[)" + elements + "]]]}\n");
    finish();
  }

 private:
  static Limits limits() {
    Limits made;
    made.turn_work_max = 1'000;
    return made;
  }
};

TEST_CASE("expensive calls: one turn runs one of them, and others go first", "[net]") {
  LongList server;
  const std::size_t hostile = server.connect();
  const std::size_t other = server.connect();
  std::string calls;
  for (int i = 0; i < 40; ++i) calls += line(i, kCount);
  server.turn();
  server.send(hostile, calls);
  server.send(other, ping(1));
  server.turn();
  CHECK(server.received(other) == reply(1, "\"pong\""));
  CHECK(server.received(hostile) == reply(0, "0"));
  server.finish();
  std::string expected;
  for (int i = 0; i < 40; ++i) expected += reply(i, "0");
  CHECK(server.received(hostile) == expected);
}

TEST_CASE("expensive calls: each turn stays within its budget and one call", "[net]") {
  LongList server;
  const std::size_t hostile = server.connect();
  std::string calls;
  for (int i = 0; i < 64; ++i) calls += line(i, kCount);
  // Cheap calls first, so that the connection's batches are large.
  std::string pings;
  for (int i = 100; i < 400; ++i) pings += ping(i);
  server.send(hostile, pings);
  server.finish();
  server.send(hostile, calls);
  while (server.engine().has_deferred() || server.dialogue(hostile).has_backlog()) {
    const std::uint64_t before = server.engine().work();
    if (server.dialogue(hostile).has_backlog()) server.dialogue(hostile).proceed();
    server.turn();
    CHECK(server.engine().work() - before < 2 * (1'000 + 2'100));
  }
  CHECK(server.received(hostile).ends_with(reply(63, "0")));
}

TEST_CASE("expensive calls: those of several connections take turns", "[net]") {
  LongList server;
  const std::size_t one = server.connect();
  const std::size_t two = server.connect();
  server.send(one, "[" + message(1, kCount) + "," + message(2, kCount) + "]\n");
  server.send(two, line(3, kCount));
  server.turn();
  CHECK(server.received(two).empty());
  server.turn();
  CHECK(server.received(two) == reply(3, "0"));
  CHECK(server.received(one).empty());
  server.finish();
  CHECK(server.received(one) == "[" + result(1, "0") + "," + result(2, "0") + "]\n");
}

TEST_CASE("expensive calls: later calls of their connection keep their place", "[net]") {
  LongList server;
  const std::size_t connection = server.connect();
  server.send(connection, line(1, kCount) + line(2, kCount) +
                              line(3, R"("method":"list.append","params":["l",-1]})") +
                              line(4, kCount) + ping(5));
  server.finish();
  CHECK(server.received(connection) ==
        reply(1, "0") + reply(2, "0") + reply(3, "null") + reply(4, "1") + reply(5, "\"pong\""));
}

TEST_CASE("expensive calls: they run before their connection closes", "[net]") {
  LongList server;
  const std::size_t connection = server.connect();
  server.send(connection, line(1, kCount) + line(2, kCount));
  server.dialogue(connection).end_of_input();
  server.finish();
  CHECK(server.received(connection) == reply(1, "0") + reply(2, "0"));
  CHECK(server.dialogue(connection).ended());
}

TEST_CASE("expensive calls: a notification leaves its connection readable", "[net]") {
  LongList server;
  const std::size_t connection = server.connect();
  server.send(connection, R"({"method":"list.sort","params":["l"]})"
                          "\n");
  CHECK(server.dialogue(connection).full());
  server.turn();
  CHECK_FALSE(server.dialogue(connection).full());
  server.send(connection, ping(1));
  server.finish();
  CHECK(server.received(connection) == reply(1, "\"pong\""));
}

TEST_CASE("expensive calls: the transactions of a batch are spread over turns", "[net]") {
  LongList server;
  const std::size_t connection = server.connect();
  const std::size_t other = server.connect();
  std::string batch = "[";
  for (int i = 0; i < 20; ++i) {
    if (i > 0) batch += ",";
    batch += "{\"id\":" + std::to_string(i) +
             R"(,"method":"transaction.run","params":[[["list.count",["l",-1]]]]})";
  }
  server.turn();
  server.send(connection, batch + "]\n");
  const std::uint64_t before = server.engine().work();
  server.send(other, ping(1));
  server.turn();
  CHECK(server.engine().work() - before < 2 * (1'000 + 2'100));
  CHECK(server.received(other) == reply(1, "\"pong\""));
  server.finish();
  CHECK(server.received(connection).find("\"id\":19") != std::string::npos);
}

TEST_CASE("expensive calls: the end of the server runs those that were received", "[net]") {
  LongList server;
  const std::size_t connection = server.connect();
  server.send(connection, line(1, kCount));
  server.engine().server_ending();
  server.dialogue(connection).abandon();
  server.turn();
  CHECK(server.received(connection) == reply(1, "0"));
}

}  // namespace
}  // namespace agora
