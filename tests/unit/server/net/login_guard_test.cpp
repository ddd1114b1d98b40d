// SPDX-License-Identifier: MIT

#include "server/net/login_guard.hpp"

#include <cerrno>
#include <fstream>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/app/server.hpp"
#include "server/net/descriptor.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/server/net/socketless_server.hpp"

namespace agora {
namespace {

/// A server with a key, on a free port, whose clock only the test moves.
class World {
 public:
  World() {
    REQUIRE(::mkdtemp(folder_) != nullptr);
    std::ofstream{key_file()} << "ci write " << std::string(64, 'a') << '\n';
    ::chmod(key_file().c_str(), 0600);
    ServerOptions options;
    options.tcp = "127.0.0.1:0";
    options.key_file = key_file();
    options.clock = &clock;
    server = std::make_unique<Server>(std::move(options));
  }
  ~World() {
    ::unlink(key_file().c_str());
    ::rmdir(folder_);
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Descriptor connect() {
    const std::string address = server->tcp_address();
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    Descriptor made{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    REQUIRE(::connect(made.get(), reinterpret_cast<sockaddr*>(&where), sizeof where) == 0);
    for (int i = 0; i < 4; ++i) server->poll();
    return made;
  }
  std::string ask(Descriptor& connection, const std::string& line) {
    ::send(connection.get(), (line + "\n").data(), line.size() + 1, MSG_NOSIGNAL);
    for (int i = 0; i < 4; ++i) server->poll();
    return received(connection);
  }
  static std::string received(Descriptor& connection) {
    std::string bytes(4096, '\0');
    const ssize_t got = ::recv(connection.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got == 0) return "(end)";
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
  }

  StandingClock clock;
  std::unique_ptr<Server> server;

 private:
  std::string key_file() const { return std::string{folder_} + "/keys"; }
  char folder_[32] = "/tmp/agora-guard-XXXXXX";
};

TEST_CASE("login guard: a connection that has not logged in is closed after a minute", "[login]") {
  World world;
  Descriptor silent = world.connect();
  Descriptor speaks = world.connect();
  CHECK(world.ask(speaks, "ping") == "\"pong\"\n");
  world.clock.advance(std::chrono::seconds{59});
  CHECK(world.ask(speaks, "ping") == "\"pong\"\n");
  CHECK(World::received(silent).empty());
  world.clock.advance(std::chrono::seconds{1});
  Descriptor later = world.connect();
  CHECK(World::received(silent) == "(end)");
  CHECK_THAT(World::received(speaks),
             Catch::StartsWith("Unauthenticated: this connection has not logged in within 60 s"));
  CHECK(World::received(speaks) == "(end)");
  CHECK(world.ask(later, "ping") == "\"pong\"\n");
}

}  // namespace
}  // namespace agora
