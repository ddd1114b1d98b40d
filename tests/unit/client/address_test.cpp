// SPDX-License-Identifier: MIT

#include "client/src/transport/address.hpp"

#include "tests/support/catch.hpp"

using agora::Errc;
using agora::detail::Address;
using agora::detail::parse_address;
using agora::detail::parse_addresses;

TEST_CASE("address: names a unix socket or a TCP port", "[client]") {
  const auto local = parse_address("unix:/run/agora/agora.sock");
  REQUIRE(local);
  CHECK(local->kind == Address::Kind::unix_socket);
  CHECK(local->path == "/run/agora/agora.sock");
  CHECK(local->transport() == "unix");

  struct Case {
    const char* text;
    const char* host;
    const char* port;
  };
  for (const Case& each :
       {Case{"tcp://10.0.0.5:7117", "10.0.0.5", "7117"}, Case{"tcp://[::1]:1", "::1", "1"},
        Case{"tcp://server.example:65535", "server.example", "65535"}}) {
    CAPTURE(each.text);
    const auto remote = parse_address(each.text);
    REQUIRE(remote);
    CHECK(remote->kind == Address::Kind::tcp);
    CHECK(remote->host == each.host);
    CHECK(remote->port == each.port);
    CHECK(remote->transport() == "tcp");
  }
}

TEST_CASE("address: a malformed text is refused with a value_error that repeats it", "[client]") {
  for (const char* text :
       {"", "unix:", "unix", "/run/agora.sock", "tcp://", "tcp://host", "tcp://host:", "tcp://:1",
        "tcp://host:0", "tcp://host:65536", "tcp://host:7117x", "tcp://host:-1", "tcp://::1:7117",
        "tcp://[]:1", "http://host:80", "tcp:host:1"}) {
    CAPTURE(text);
    const auto address = parse_address(text);
    REQUIRE_FALSE(address);
    CHECK(address.error().code == Errc::value_error);
    CHECK(address.error().message.find(text) != std::string::npos);
  }
}

TEST_CASE("address: a path may have 107 bytes, the limit of a socket address, and no more",
          "[client]") {
  CHECK(parse_address("unix:" + std::string(107, 'x')));
  const auto long_one = parse_address("unix:" + std::string(108, 'x'));
  REQUIRE_FALSE(long_one);
  CHECK(long_one.error().message.find("has 108") != std::string::npos);
  CHECK_FALSE(parse_address(std::string_view("unix:/a\0b", 9)));
}

TEST_CASE("address: TLS has the form of TCP, and its text is the address again", "[client]") {
  for (const char* text : {"tls://10.0.0.5:7117", "tls://[fd00::1]:1", "tcp://a:2", "unix:/a"}) {
    CAPTURE(text);
    const auto address = parse_address(text);
    REQUIRE(address);
    CHECK(address->text() == text);
  }
  CHECK(parse_address("tls://a:1")->transport() == "tls");
}

TEST_CASE("address: of several addresses each may leave out the scheme of the one before",
          "[client]") {
  const auto all = parse_addresses("tls://a:7117,b:7118,tcp://[::1]:1,[::2]:2");
  REQUIRE(all);
  REQUIRE(all->size() == 4);
  const char* const texts[] = {"tls://a:7117", "tls://b:7118", "tcp://[::1]:1", "tcp://[::2]:2"};
  for (std::size_t i = 0; i < 4; ++i) CHECK((*all)[i].text() == texts[i]);
  // The path of a Unix socket may hold commas.
  const auto local = parse_addresses("unix:/a,b");
  REQUIRE(local);
  REQUIRE(local->size() == 1);
  CHECK(local->front().path == "/a,b");
  for (const char* text : {"", "tls://a:1,", "tls://a:1,,b:2", "tls://a:1,b", "a:1,tls://b:2",
                           "tls://a:1,http://b:2", "tls://a:1,unix:/b"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_addresses(text));
  }
}
