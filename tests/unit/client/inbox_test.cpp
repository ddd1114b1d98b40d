// SPDX-License-Identifier: MIT

#include "client/src/transport/inbox.hpp"

#include <cstring>

#include <rapidcheck.h>

#include "shared/value/codec.hpp"
#include "shared/value/msgpack_writer.hpp"
#include "shared/wire/msgpack_rpc.hpp"
#include "tests/support/catch.hpp"

using namespace agora;
using detail::Inbox;

namespace {

std::string reply(std::uint32_t id, const std::string& text) {
  std::string out;
  encode_msgpack_reply(pack(id), pack(text), out);
  return out;
}

/// Passes bytes as a socket would: each time as many as there is room for.
void feed(Inbox& inbox, std::string_view bytes) {
  while (!bytes.empty()) {
    const std::span<char> space = inbox.space();
    const std::size_t count = std::min(space.size(), bytes.size());
    std::memcpy(space.data(), bytes.data(), count);
    inbox.filled(count);
    bytes.remove_prefix(count);
  }
}

/// Returns true if the next message is that reply.
bool gives(Inbox& inbox, std::uint32_t id, const std::string& text) {
  auto message = inbox.next();
  return message && *message && (*message)->id == id && (*message)->ok() &&
         (*message)->result.bytes() == pack(text).bytes();
}

bool gives_nothing(Inbox& inbox) {
  auto message = inbox.next();
  return message && !*message;
}

}  // namespace

TEST_CASE("inbox: a message cut at any byte is whole once its rest has come", "[client]") {
  const std::string bytes = reply(7, "hello") + reply(300, "world");
  const std::size_t first = reply(7, "hello").size();
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    CAPTURE(cut);
    Inbox inbox;
    feed(inbox, bytes.substr(0, cut));
    const bool first_there = cut >= first;
    if (first_there) CHECK(gives(inbox, 7, "hello"));
    if (cut < bytes.size()) CHECK(gives_nothing(inbox));
    feed(inbox, bytes.substr(cut));
    if (!first_there) CHECK(gives(inbox, 7, "hello"));
    CHECK(gives(inbox, 300, "world"));
    CHECK(gives_nothing(inbox));
  }
}

TEST_CASE("inbox: decodes any stream of replies, in pieces of any size", "[client]") {
  CHECK(rc::check("pieces", [](const std::vector<std::uint16_t>& sizes, std::uint8_t step) {
    std::string bytes;
    std::uint32_t id = 0;
    for (const std::uint16_t size : sizes) bytes += reply(++id, std::string(size % 40'000, 'x'));
    Inbox inbox;
    std::uint32_t seen = 0;
    std::string_view rest = bytes;
    while (!rest.empty()) {
      const std::size_t count = std::min<std::size_t>(rest.size(), 1 + std::size_t{step} * 97);
      feed(inbox, rest.substr(0, count));
      rest.remove_prefix(count);
      for (auto message = inbox.next(); message && *message; message = inbox.next()) {
        RC_ASSERT((*message)->id == ++seen);
        RC_ASSERT(unpack<std::string>((*message)->result)->size() == sizes[seen - 1] % 40'000u);
      }
    }
    RC_ASSERT(seen == sizes.size());
  }));
}

TEST_CASE("inbox: decodes a reply of megabytes, and small replies after it", "[client]") {
  Inbox inbox;
  const std::string large(5'000'000, 'y');
  feed(inbox, reply(1, large) + reply(2, "small"));
  CHECK(gives(inbox, 1, large));
  CHECK(gives(inbox, 2, "small"));
  CHECK(gives_nothing(inbox));
  feed(inbox, reply(3, "after"));
  CHECK(gives(inbox, 3, "after"));
}

TEST_CASE("inbox: tells a notice from a reply", "[client]") {
  std::string bytes;
  encode_msgpack_notice(pack(std::map<std::string, int>{{"kind", 1}}), bytes);
  Inbox inbox;
  feed(inbox, bytes);
  auto message = inbox.next();
  REQUIRE(message);
  REQUIRE(*message);
  CHECK((*message)->kind == ServerMessage::Kind::notice);
}

TEST_CASE("inbox: malformed input is an error, and its length fields allocate nothing",
          "[client]") {
  const std::string deep(10'000, '\x91');
  const std::string cases[] = {
      std::string("\xc1", 1),                     // a byte that MessagePack never uses
      std::string("hello"),                       // a small integer instead of a list
      std::string("\xdb\xff\xff\xff\xff", 5),     // text of 4 GiB
      std::string("\xdd\xff\xff\xff\xff", 5),     // a list of 4 G elements
      deep,                                       // lists in lists
      std::string("\x94\x01\xa1x\xc0\xc0", 6),    // an id that is text
      std::string("\x94\x01\xff\xc0\xc0", 5),     // an id below zero
      std::string("\x94\x05\x01\xc0\xc0", 5),     // an unknown kind of message
      std::string("\x93\x01\x01\xc0", 4),         // too short
      std::string("\x93\x02\xa6notice\x90", 10),  // a notice without its map
  };
  for (const std::string& bytes : cases) {
    CAPTURE(bytes.substr(0, 12));
    Inbox inbox;
    feed(inbox, bytes);
    CHECK_FALSE(inbox.next());
  }
}

TEST_CASE("inbox: waits for the rest of a long message without reserving its size", "[client]") {
  Inbox inbox;
  feed(inbox, std::string("\x94\x01\x01\xc0\xdb\x03\xff\xff\xf0", 9));  // text of 64 MiB less 16
  CHECK(gives_nothing(inbox));
  CHECK(inbox.space().size() < 1'000'000);
}
