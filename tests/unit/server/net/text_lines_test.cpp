// SPDX-License-Identifier: MIT

// Lines of a text connection: first bytes, telnet commands between them, and lines that are held
// back behind a waiting one.

#include <string>

#include "tests/support/catch.hpp"
#include "tests/unit/server/net/socketless_server.hpp"

using namespace std::string_literals;

namespace agora {
namespace {

/// Sends the bytes over a new connection and returns all that the server has sent then.
std::string reply_to(SocketlessServer& server, std::string_view bytes) {
  const std::size_t connection = server.connect();
  server.send(connection, bytes);
  server.finish();
  return server.received(connection);
}

std::string lines(std::string_view line, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all.append(line).append("\n");
  return all;
}

TEST_CASE("first bytes: blanks and a byte order mark begin text", "[net]") {
  SocketlessServer server;
  CHECK(reply_to(server, " ping\n") == "\"pong\"\n");
  CHECK(reply_to(server, "\tping\r\n") == "\"pong\"\n");
  CHECK(reply_to(server, "\xef\xbb\xbfping\n") == "\"pong\"\n");
  CHECK(reply_to(server, "\xef\xbb\xbf{\"id\":1,\"method\":\"ping\"}\n") ==
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"pong\"}\n");
}

TEST_CASE("first bytes: a MessagePack message may begin with any header of an array", "[net]") {
  SocketlessServer server;
  const std::string call = "\x00\x07\xa4ping\x90"s;
  const std::string reply = "\x94\x01\x07\xc0\xa4pong"s;
  CHECK(reply_to(server, "\x94" + call) == reply);
  CHECK(reply_to(server, "\xdc\x00\x04"s + call) == reply);
  CHECK(reply_to(server, "\xdd\x00\x00\x00\x04"s + call) == reply);
}

TEST_CASE("first bytes: a Content-Length header is answered with the way messages are framed",
          "[net]") {
  SocketlessServer server;
  for (const char* bytes : {"Content-Length: 40\r\n\r\n{", "content-length: 40\r\n\r\n{"}) {
    INFO(bytes);
    const std::string reply = reply_to(server, bytes);
    CHECK(reply.starts_with(R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700,)"));
    CHECK(reply.find("one line") != std::string::npos);
  }
}

TEST_CASE("telnet: Ctrl-C drops the unfinished line and cancels the waiting one", "[net]") {
  SocketlessServer server;
  CHECK(reply_to(server, "ping\r\nqueue.ge\xff\xf4\xff\xfd\x06ping\r\n") ==
        "\"pong\"\n\xff\xfc\x06\"pong\"\n");
  CHECK(reply_to(server, "object.create event e\nevent.wait e\npi\xff\xf4ping\n") ==
        "{\"$ref\":\"e\"}\nCancelled: the waiting call was cancelled\n\"pong\"\n");
}

TEST_CASE("telnet: a command may stand anywhere, also before the first line", "[net]") {
  SocketlessServer server;
  CHECK(reply_to(server, "\xff\xfb\x18\xff\xf1ping\n") == "\xff\xfe\x18\"pong\"\n");
  CHECK(reply_to(server, "pi\xff\xf1ng\n") == "\"pong\"\n");
  CHECK(reply_to(server, "ping\n\xff\xf6") == "\"pong\"\nagora is here\n");
  CHECK(reply_to(server, "\xff\xf1\x94\x00\x07\xa4ping\x90"s).empty());
}

TEST_CASE("typed lines: none is dropped behind a waiting one, and the server stops reading",
          "[net]") {
  SocketlessServer server;
  const std::size_t waiting = server.connect();
  server.send(waiting, "object.create event e\nevent.wait e\n" + lines("ping", 64));
  server.turn();
  CHECK(!server.dialogue(waiting).full());
  server.send(waiting, lines("ping", 200) + "{\"id\":1,\"method\":\"ping\"}\n");
  server.turn();
  CHECK(server.dialogue(waiting).full());
  CHECK(server.received(waiting) == "{\"$ref\":\"e\"}\n");
  CHECK(reply_to(server, "event.set e\n") == "null\n");
  server.finish();
  CHECK(!server.dialogue(waiting).full());
  CHECK(server.received(waiting) == "{\"$ref\":\"e\"}\ntrue\n" + lines("\"pong\"", 264) +
                                        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"pong\"}\n");
}

TEST_CASE("typed lines: their bytes behind a waiting one are bounded too", "[net]") {
  SocketlessServer server;
  const std::size_t waiting = server.connect();
  const std::string long_line = "ping " + std::string(70'000, 'x');
  server.send(waiting, "object.create event e\nevent.wait e\n" + long_line + "\nping\n");
  server.turn();
  CHECK(server.dialogue(waiting).full());
  server.dialogue(waiting).peer_ended();
  server.finish();
  CHECK(server.received(waiting).ends_with("\"pong\"\n"));
}

TEST_CASE("typed lines: the client's end lets the lines run that were held back", "[net]") {
  SocketlessServer server;
  const std::size_t connection = server.connect();
  server.send(connection, "object.create event e\n" + lines("event.wait e", 150) + "ping\n");
  server.finish();
  CHECK(server.dialogue(connection).full());
  server.dialogue(connection).peer_ended();
  server.finish();
  server.dialogue(connection).end_of_input();
  server.finish();
  CHECK(server.received(connection) == "{\"$ref\":\"e\"}\n" +
                                           lines("Cancelled: the waiting call was cancelled", 150) +
                                           "\"pong\"\n");
  CHECK(server.dialogue(connection).ended());
}

TEST_CASE("session.cancel: a JSON client cancels a call by any id on a plain connection", "[net]") {
  SocketlessServer server;
  CHECK(reply_to(server, "object.create event e\n") == "{\"$ref\":\"e\"}\n");
  for (const char* id : {R"("b7-uuid")", "-3", "null", "18446744073709551615", R"("")", "7"}) {
    INFO(id);
    const std::string wait = std::string(R"({"id":)") + id + R"(,"method":"event.wait","params":)";
    const std::string cancel = R"({"id":"c","method":"session.cancel","params":)";
    const std::string name = std::string("[") + id + "]}\n";
    const std::string named = std::string(R"({"id":)") + id + "}}\n";
    const std::string cancelled =
        std::string(R"({"jsonrpc":"2.0","id":)") + id + R"(,"error":{"code":18,)";
    const std::string replies =
        reply_to(server, wait + "[\"e\"]}\n" + wait + "[\"e\"]}\n" + cancel + name + cancel +
                             named + cancel + name);
    std::size_t found = 0;
    for (std::size_t at = 0; (at = replies.find(cancelled, at)) != std::string::npos; ++at) ++found;
    CHECK(found == 2);
    const std::string last = R"({"jsonrpc":"2.0","id":"c","result":false})"
                             "\n";
    CHECK(replies.ends_with(R"({"jsonrpc":"2.0","id":"c","result":true})"
                            "\n" +
                            last));
  }
  CHECK(reply_to(server, "session.cancel x\n").starts_with("ValueError: id must be an int"));
}

}  // namespace
}  // namespace agora
