// SPDX-License-Identifier: MIT

// Logins, byte by byte, against a server without sockets.

#include <regex>
#include <string>
#include <vector>

#include "server/auth/authenticator.hpp"
#include "shared/auth/digest.hpp"
#include "shared/auth/proof.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/server/net/socketless_server.hpp"

namespace agora {
namespace {

using std::chrono::seconds;

const std::string kKey(32, 'k');
const std::string kClientNonce(32, 'n');

KeyFile keys(const std::string& more = {}) {
  auto file =
      parse_key_file("ci write " + to_hex(kKey) + "\nreader read " + to_hex(kKey) + "\n" + more);
  REQUIRE(file);
  return *file;
}

class World {
 public:
  World() { server.use_logins(port); }

  /// Opens a connection that has to log in.
  std::size_t connect(const std::string& host = "10.0.0.7:5000") {
    Peer peer;
    peer.role = Role::none;
    peer.transport = "tcp";
    peer.host = host;
    peer.tls = tls;
    return server.connect(peer);
  }
  /// Sends a typed line. @return the reply, without the line feed
  std::string ask(std::size_t connection, const std::string& line) {
    server.send(connection, line + "\n");
    std::string reply = server.take(connection);
    if (reply.ends_with('\n')) reply.pop_back();
    return reply;
  }
  /// @return the server's nonce, raw
  std::string challenge(std::size_t connection) {
    const std::string reply = ask(connection, "session.challenge");
    std::smatch found;
    static const std::regex form{R"form(\{"server":"host","nonce":"([0-9a-f]{64})"\})form"};
    REQUIRE(std::regex_match(reply, found, form));
    return *from_hex(found[1].str());
  }
  std::string login_line(const std::string& server_nonce, const std::string& id = "ci",
                         const std::string& key = kKey, const std::string& binding = {}) const {
    const LoginTranscript login{"host", id, server_nonce, kClientNonce, binding};
    return "session.login " + id + " " + to_hex(kClientNonce) + " " +
           to_hex(client_proof(key, login));
  }
  std::string log_in(std::size_t connection) {
    return ask(connection, login_line(challenge(connection)));
  }

  std::vector<std::string> log;
  std::shared_ptr<const TlsPeer> tls;
  Authenticator port{keys(), "host", [this](const std::string& line) { log.push_back(line); }};
  SocketlessServer server;
};

constexpr const char* kWrong =
    "Unauthenticated: the server knows no such key, or the proof is wrong";
constexpr const char* kNoChallenge = "Unauthenticated: no challenge is open";

TEST_CASE("login: both sides prove the key, and the role is the key's", "[login]") {
  World world;
  const std::size_t a = world.connect();
  CHECK_THAT(world.ask(a, "object.list"), Catch::StartsWith("Unauthenticated: object.list needs"));
  CHECK(world.ask(a, "ping") == "\"pong\"");
  const std::string nonce = world.challenge(a);
  const LoginTranscript login{"host", "ci", nonce, kClientNonce, {}};
  CHECK(world.ask(a, world.login_line(nonce)) ==
        "{\"role\":\"write\",\"proof\":\"" + to_hex(server_proof(kKey, login)) + "\"}");
  CHECK(world.ask(a, "object.create dict d") == "{\"$ref\":\"d\"}");
  CHECK_THAT(world.ask(a, "server.shutdown"),
             Catch::StartsWith("Forbidden: server.shutdown needs"));
  CHECK_THAT(
      world.ask(a, "session.info"),
      Catch::Contains("\"id\":\"ci\",\"role\":\"write\",\"names\":null,\"transport\":\"tcp\","
                      "\"peer\":\"10.0.0.7:5000\""));
  CHECK_THAT(world.log_in(a), Catch::StartsWith("RuntimeError: this connection has logged in"));
  CHECK(world.log == std::vector<std::string>{"login of ci from 10.0.0.7 with the role write"});
}

TEST_CASE("login: a replayed, reflected or re-ordered message proves nothing", "[login]") {
  World world;
  const std::size_t a = world.connect();
  const std::string nonce = world.challenge(a);
  const std::string line = world.login_line(nonce);
  SECTION("the same login on another connection") {
    CHECK_THAT(world.ask(a, line), Catch::StartsWith("{\"role\""));
    const std::size_t b = world.connect();
    CHECK_THAT(world.ask(b, line), Catch::StartsWith(kNoChallenge));
    world.challenge(b);
    CHECK(world.ask(b, line) == kWrong);
  }
  SECTION("the server's own proof sent back") {
    const std::string reply = world.ask(a, line);
    const std::string proof = reply.substr(reply.size() - 66, 64);
    const std::size_t b = world.connect();
    world.challenge(b);
    CHECK(world.ask(b, "session.login ci " + to_hex(nonce) + " " + proof) == kWrong);
  }
  SECTION("a login before its challenge, and a second one after it") {
    const std::size_t b = world.connect();
    CHECK_THAT(world.ask(b, line), Catch::StartsWith(kNoChallenge));
    const std::string other = world.challenge(b);
    CHECK(world.ask(b, world.login_line(other, "ci", std::string(32, 'x'))) == kWrong);
    CHECK_THAT(world.ask(b, world.login_line(other)), Catch::StartsWith(kNoChallenge));
  }
  SECTION("a challenge that a later one has replaced") {
    const std::string later = world.challenge(a);
    CHECK(world.ask(a, line) == kWrong);
    CHECK_THAT(world.ask(a, world.login_line(later)), Catch::StartsWith(kNoChallenge));
  }
  SECTION("a challenge that is older than a minute") {
    world.server.advance(seconds{61});
    CHECK_THAT(world.ask(a, line), Catch::StartsWith(kNoChallenge));
  }
}

TEST_CASE("login: over TLS the proof covers the server's certificate", "[login]") {
  World world;
  auto tls = std::make_shared<TlsPeer>();
  tls->binding = sha256("the certificate");
  world.tls = tls;
  const std::size_t a = world.connect();
  CHECK(world.ask(a, world.login_line(world.challenge(a))) == kWrong);
  CHECK(world.ask(a, world.login_line(world.challenge(a), "ci", kKey, sha256("another"))) ==
        kWrong);
  CHECK_THAT(world.ask(a, world.login_line(world.challenge(a), "ci", kKey, tls->binding)),
             Catch::StartsWith("{\"role\":\"write\""));
}

TEST_CASE("login: an unknown id and a wrong proof give the same text; three close the connection",
          "[login]") {
  World world;
  const std::size_t a = world.connect();
  CHECK(world.ask(a, world.login_line(world.challenge(a), "nobody")) == kWrong);
  CHECK(world.ask(a, world.login_line(world.challenge(a), "ci", std::string(32, 'x'))) == kWrong);
  CHECK_FALSE(world.server.dialogue(a).ended());
  CHECK(world.ask(a, "session.login evil\\u000aid " + to_hex(kClientNonce) + " 00") ==
        "Unauthenticated: no challenge is open: session.challenge gives one for one login on this "
        "connection within 60 s");
  CHECK(world.server.dialogue(a).ended());
  CHECK(world.log == std::vector<std::string>{"refused a login as nobody from 10.0.0.7",
                                              "refused a login as ci from 10.0.0.7",
                                              "refused a login as ? from 10.0.0.7"});
}

TEST_CASE("login: a nonce of another form is a ValueError", "[login]") {
  World world;
  const std::size_t a = world.connect();
  world.challenge(a);
  for (const std::string& nonce : {std::string{"00"}, std::string(64, 'A'), std::string(66, 'a')}) {
    CHECK_THAT(world.ask(a, "session.login ci " + nonce + " 00"),
               Catch::StartsWith("ValueError: nonce must be 32 bytes"));
  }
}

TEST_CASE("login: calls sent behind it in one piece run with its role", "[login]") {
  World world;
  const std::size_t a = world.connect();
  const std::string login = world.login_line(world.challenge(a));
  world.server.send(a, login + "\nobject.create dict d\ndict.len d\n");
  CHECK_THAT(world.server.take(a), Catch::EndsWith("{\"$ref\":\"d\"}\n0\n"));
}

TEST_CASE("login: after ten failures of an address its replies take a second, and others none",
          "[login]") {
  World world;
  for (int i = 0; i < 10; ++i) {
    const std::size_t bad = world.connect();
    CHECK_THAT(world.ask(bad, "session.login ci " + to_hex(kClientNonce) + " 00"),
               Catch::StartsWith(kNoChallenge));
  }
  const std::size_t slow = world.connect("10.0.0.7:1");
  const std::size_t other = world.connect("10.0.0.8:1");
  const std::string line = world.login_line(world.challenge(slow));
  CHECK(world.ask(slow, line) == "");
  CHECK_THAT(world.ask(slow, "{\"id\":1,\"method\":\"ping\"}"), Catch::Contains("pong"));
  CHECK_THAT(world.log_in(other), Catch::StartsWith("{\"role\":\"write\""));
  world.server.advance(std::chrono::milliseconds{999});
  CHECK(world.server.take(slow) == "");
  world.server.advance(std::chrono::milliseconds{1});
  CHECK_THAT(world.server.take(slow), Catch::StartsWith("{\"role\":\"write\""));
  CHECK(world.ask(slow, "object.exists d") == "false");
}

TEST_CASE("login: a connection that ends drops its delayed login", "[login]") {
  World world;
  for (int i = 0; i < 10; ++i) {
    world.ask(world.connect(), "session.login ci " + to_hex(kClientNonce) + " 00");
  }
  const std::size_t slow = world.connect();
  world.ask(slow, world.login_line(world.challenge(slow)));
  world.server.disconnect(slow);
  world.server.advance(seconds{2});
  CHECK_THAT(world.log_in(world.connect("10.0.0.8:1")), Catch::StartsWith("{\"role\""));
}

TEST_CASE("login: before it a message has at most 4 KiB, in each protocol", "[login]") {
  World world;
  const std::string most(4096 - 5, 'x');
  SECTION("a line") {
    const std::size_t a = world.connect();
    CHECK_THAT(world.ask(a, "help " + most), Catch::StartsWith("NotFound"));
    CHECK_THAT(world.ask(a, "help x" + most), Catch::StartsWith("TooLarge"));
    CHECK(world.server.dialogue(a).ended());
  }
  SECTION("MessagePack") {
    const std::size_t a = world.connect();
    std::string call;
    Writer out{call};
    out.list(4), out.unsigned_integer(0), out.unsigned_integer(1), out.text("help");
    out.list(1), out.text(std::string(5000, 'x'));
    world.server.send(a, call);
    CHECK_THAT(world.server.take(a), Catch::Contains("TooLarge"));
    CHECK(world.server.dialogue(a).ended());
  }
  SECTION("after it the usual bound holds") {
    const std::size_t a = world.connect();
    world.log_in(a);
    world.ask(a, "object.create list l");
    CHECK(world.ask(a, "list.append l " + std::string(10'000, 'x')) == "null");
  }
}

TEST_CASE("token: logs in until it expires, at most a day ahead", "[login]") {
  World world;
  const auto token = [&](std::int64_t expiry, const std::string& id = "ci") {
    return "session.login_token " + make_token(kKey, id, expiry);
  };
  world.server.advance(seconds{1000});
  const std::string local = "127.0.0.1:5000";
  CHECK(world.ask(world.connect(local), token(1001, "reader")) == "{\"role\":\"read\"}");
  CHECK(world.ask(world.connect(local), token(1000 + 24 * 3600)) == "{\"role\":\"write\"}");
  CHECK_THAT(world.ask(world.connect(local), token(1000 + 24 * 3600 + 1)),
             Catch::StartsWith("Unauthenticated: the token expires more than 24 h ahead"));
  CHECK_THAT(world.ask(world.connect(local), token(1000)),
             Catch::StartsWith("Unauthenticated: the token has expired"));
  const std::string wrong = "Unauthenticated: the server knows no such key, or the token is wrong";
  CHECK(world.ask(world.connect(local), token(1100, "nobody")) == wrong);
  CHECK(world.ask(world.connect(local),
                  "session.login_token agora1.reader.2000." + std::string(64, 'a')) == wrong);
  CHECK_THAT(world.ask(world.connect(local), "session.login_token x"),
             Catch::StartsWith("ValueError: a token has the form"));
  CHECK_THAT(world.ask(world.connect("10.0.0.7:1"), token(1100)),
             Catch::StartsWith("Forbidden: a token may be overheard"));
}

TEST_CASE("keys: a removed or changed key is no longer valid, an unchanged one stays", "[login]") {
  World world;
  const std::size_t a = world.connect();
  world.log_in(a);
  const IdentityPointer identity = world.server.dialogue(a).access().identity;
  REQUIRE(identity);
  world.port.set_keys(keys("another admin " + std::string(64, 'b') + "\n"));
  CHECK(world.port.is_valid(*identity));
  auto changed = parse_key_file("ci read " + to_hex(kKey) + "\n");
  world.port.set_keys(*changed);
  CHECK_FALSE(world.port.is_valid(*identity));
  world.port.set_keys(keys());
  CHECK_FALSE(world.port.is_valid(*identity));
}

TEST_CASE("client certificates: a line of the key file goes before the certificate's own role",
          "[login]") {
  World world;
  auto proven = std::make_shared<TlsPeer>();
  proven->subject = "CN=web";
  Peer peer;
  peer.role = Role::none;
  peer.tls = proven;
  world.port.identify(peer);
  CHECK(peer.role == Role::none);
  proven->role = Role::read;
  world.port.identify(peer);
  CHECK(peer.role == Role::read);
  const IdentityPointer own = peer.identity;
  CHECK(own->text() == "cert:CN=web");
  CHECK(world.port.is_valid(*own));
  world.port.set_keys(keys("cert:CN=web write names=web.\n"));
  CHECK_FALSE(world.port.is_valid(*own));
  world.port.identify(peer);
  CHECK(peer.role == Role::write);
  CHECK(peer.identity->names == "web.");
  CHECK(same_client(own, peer.identity));
  CHECK(world.port.is_valid(*peer.identity));
  world.port.set_keys(keys());
  CHECK_FALSE(world.port.is_valid(*peer.identity));
}

TEST_CASE("login: random bytes in its parameters never log in", "[login]") {
  World world;
  std::uint64_t state = 88172645463325252ULL;
  const auto random = [&] {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state;
  };
  for (int round = 0; round < 3000; ++round) {
    const std::size_t a = world.connect("127.0.0.1:1");
    std::string line = random() % 2 == 0 ? "session.login_token " + make_token(kKey, "ci", 0)
                                         : world.login_line(world.challenge(a));
    const std::string original = line;
    for (std::size_t i = random() % 4 + 1; i > 0; --i) {
      const std::size_t at = 14 + random() % (line.size() - 14);
      line[at] = "0aZ.-\" {[,"[random() % 10];
    }
    if (line.starts_with("session.login_token")) line.resize(20 + random() % (line.size() - 20));
    const std::string reply = world.ask(a, line);
    if (reply.starts_with("{\"role\"")) CHECK(line == original);
    world.server.advance(seconds{61});
  }
}

}  // namespace
}  // namespace agora
