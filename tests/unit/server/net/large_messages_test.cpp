// SPDX-License-Identifier: MIT

// Large messages that come in pieces, over many connections at once, get the same replies as whole
// messages, whichever buffer holds them and whether or not a batch takes it over.

#include <array>
#include <random>

#include "shared/value/msgpack_writer.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/server/net/socketless_server.hpp"

namespace agora {
namespace {

using Random = std::mt19937;

/// Returns text of a random size: mostly ASCII, sometimes with a letter beyond it or an invalid
/// byte.
std::string value(Random& random) {
  static constexpr std::size_t kSizes[] = {10, 1'000, 16'300, 70'000, 300'000, 600'000};
  const std::size_t size = random() % kSizes[random() % std::size(kSizes)];
  std::string text(size, static_cast<char>('a' + random() % 26));
  const std::size_t at = text.size() < 2 ? 0 : random() % (text.size() - 1);
  if (text.size() >= 2 && random() % 4 == 0) text.replace(at, 2, "\xc3\xa4");
  if (text.size() >= 2 && random() % 8 == 0) text[at] = '\xff';
  return text;
}

/// Returns the calls of one connection, on a dict of its own.
std::string script(Random& random, const std::string& dict) {
  std::string bytes;
  Writer out{bytes};
  std::uint64_t id = 0;
  const auto begin = [&](std::string_view method, std::uint32_t params) {
    out.list(4);
    out.integer(0), out.unsigned_integer(++id), out.text(method), out.list(params);
  };
  begin("object.create", 2);
  out.text("dict"), out.text(dict);
  for (int call = 0; call < 60; ++call) {
    const auto key = static_cast<std::int64_t>(random() % 5);
    switch (random() % 5) {
      case 0:
        begin("dict.get", 2);
        out.text(dict), out.integer(key);
        break;
      case 1:  // refused by admission, however large it is
        begin("dict.set", 2);
        out.text(dict), out.text(value(random));
        break;
      case 2:
        begin("dict.set", 3);
        out.text(dict), out.integer(key), out.bytes(value(random));
        break;
      default:
        begin("dict.set", 3);
        out.text(dict), out.integer(key), out.text(value(random));
    }
  }
  return bytes;
}

TEST_CASE("large messages: pieces get the same replies as whole messages", "[net]") {
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  Random random{seed};
  constexpr std::size_t kConnections = 4;
  std::vector<std::string> scripts;
  SocketlessServer whole;
  SocketlessServer pieces;
  for (std::size_t i = 0; i < kConnections; ++i) {
    scripts.push_back(script(random, "d" + std::to_string(i)));
    whole.send(whole.connect(), scripts[i]);
    whole.finish();
    pieces.connect();
  }
  std::array<std::size_t, kConnections> at{};
  for (std::size_t left = kConnections; left > 0;) {
    const std::size_t connection = random() % kConnections;
    const std::string_view rest = std::string_view{scripts[connection]}.substr(at[connection]);
    if (rest.empty()) continue;
    if (pieces.dialogue(connection).has_backlog()) {
      pieces.dialogue(connection).proceed();
      continue;
    }
    const std::size_t most = random() % 3 == 0 ? 1 + random() % 40 : 1 + random() % 400'000;
    at[connection] += pieces.read(connection, rest.substr(0, most));
    if (at[connection] == scripts[connection].size()) --left;
    if (random() % 4 == 0) pieces.turn();
    if (random() % 50 == 0) pieces.spares().release_unused();
  }
  pieces.finish();
  for (std::size_t i = 0; i < kConnections; ++i) {
    INFO("connection " << i);
    CHECK(whole.received(i).size() == pieces.received(i).size());
    CHECK((whole.received(i) == pieces.received(i)));  // not shown: megabytes
  }
}

TEST_CASE("large messages: announcing a size does not get memory for all of it", "[net]") {
  SocketlessServer server;
  const std::size_t connection = server.connect();
  std::string bytes;
  Writer out{bytes};
  out.list(4);
  out.integer(0), out.unsigned_integer(1), out.text("dict.set"), out.list(3);
  out.text("d"), out.text("k");
  bytes += std::string{"\xdb\x03\x00\x00\x00", 5};  // 48 MiB of text
  CHECK(server.read(connection, bytes) == bytes.size());
  CHECK(server.dialogue(connection).large_message_under_way());
  CHECK(server.dialogue(connection).room().size() <= std::size_t{256} << 10);
  CHECK(server.read(connection, "x") == 1);
}

TEST_CASE("large messages: a message moves a few times while it grows, however small its pieces",
          "[net]") {
  SocketlessServer server;
  const std::size_t connection = server.connect();
  std::string head;
  Writer out{head};
  out.list(4);
  out.integer(0), out.unsigned_integer(1), out.text("dict.set"), out.list(3);
  out.text("d"), out.text("k");
  head += std::string{"\xdb\x03\x00\x00\x00", 5};  // 48 MiB of text
  server.read(connection, head);
  const std::string piece(std::size_t{32} << 10, 'x');
  std::size_t moves = 0;
  const char* end = nullptr;
  for (std::size_t sent = 0; sent < std::size_t{48} << 20; sent += piece.size()) {
    for (std::string_view rest = piece; !rest.empty();) {
      const char* const at = server.dialogue(connection).room().data();
      if (at != end) ++moves;
      const std::size_t count = server.read(connection, rest);
      end = at + count;
      rest.remove_prefix(count);
    }
  }
  server.finish();
  CHECK(server.received(connection).find("NotFound") != std::string::npos);
  CHECK(moves < 10);
}

}  // namespace
}  // namespace agora
