// SPDX-License-Identifier: MIT

#include "shared/wire/sniff.hpp"

#include <string>

#include <rapidcheck.h>

#include "tests/support/catch.hpp"

using agora::Sniffer;
using agora::Wire;
using agora::wire_of;
using namespace std::string_literals;

namespace {

struct Outcome {
  Wire wire;
  std::size_t skipped;
  bool operator==(const Outcome&) const = default;
};

Outcome whole(const std::string& input) {
  Sniffer sniffer;
  const auto verdict = sniffer.feed(input);
  return {verdict.wire, verdict.skipped};
}

Outcome split(const std::string& input, std::size_t at) {
  Sniffer sniffer;
  auto verdict = sniffer.feed(input.substr(0, at));
  if (verdict.wire != Wire::undecided) return {verdict.wire, verdict.skipped};
  const std::size_t first = verdict.skipped;
  verdict = sniffer.feed(input.substr(first));
  return {verdict.wire, first + verdict.skipped};
}

}  // namespace

TEST_CASE("sniffer: the first byte decides the protocol", "[wire]") {
  for (int byte = 0; byte < 256; ++byte) {
    INFO(byte);
    const auto first = static_cast<unsigned char>(byte);
    Wire expected = Wire::nothing;
    if (byte == '{' || byte == '[' || byte == '?' || byte == '\r' || byte == '\n') {
      expected = Wire::text;
    }
    if (byte >= 'a' && byte <= 'z') expected = Wire::text;
    if (byte >= 'A' && byte <= 'Z') expected = Wire::http;
    if (byte == 0x93 || byte == 0x94) expected = Wire::msgpack;
    if (byte == 0x16) expected = Wire::tls;
    if (byte == 0xff) expected = Wire::undecided;
    CHECK(wire_of(first) == expected);
  }
}

TEST_CASE("sniffer: telnet negotiation is skipped and the next byte decides", "[wire]") {
  CHECK(whole("") == Outcome{Wire::undecided, 0});
  CHECK(whole("\xff\xfd\x01") == Outcome{Wire::undecided, 3});
  CHECK(whole("\xff\xfb\x18\xff\xfc\x1f\xff\xfe\x03ping"s) == Outcome{Wire::text, 9});
  CHECK(whole("\xff\xf1{") == Outcome{Wire::text, 2});
  CHECK(whole("\xff\xfa\x18\x00xterm\xff\xf0GET"s) == Outcome{Wire::http, 11});
  CHECK(whole("\xff\xfa\x1f\xff\xff\x01\xff\xf0\x94"s) == Outcome{Wire::msgpack, 8});
  CHECK(whole("\xff\xfd\xff{") == Outcome{Wire::text, 3});
}

TEST_CASE("sniffer: a doubled 0xff at the front is data of no known protocol", "[wire]") {
  CHECK(whole("\xff\xff{").wire == Wire::nothing);
}

TEST_CASE("sniffer: endless negotiation is no known protocol", "[wire]") {
  CHECK(whole("\xff\xfa" + std::string(4094, 'x')).wire == Wire::undecided);
  CHECK(whole("\xff\xfa" + std::string(4095, 'x')).wire == Wire::nothing);
}

TEST_CASE("sniffer: the verdict does not depend on how the bytes arrive", "[wire]") {
  const std::string samples[] = {"\xff\xfb\x18\xff\xfa\x18\x00xterm\xff\xff\xff\xf0\xff\xf9ping"s,
                                 "\xff\xff{", "{", "\xff\xfd\x01\x16"};
  for (const std::string& sample : samples) {
    for (std::size_t at = 0; at <= sample.size(); ++at) CHECK(split(sample, at) == whole(sample));
  }
  CHECK(rc::check("split anywhere", [](const std::string& input) {
    const auto at = *rc::gen::inRange<std::size_t>(0, input.size() + 1);
    RC_ASSERT(split("\xff" + input, at) == whole("\xff" + input));
  }));
}

TEST_CASE("is_http_line: a line that ends in an HTTP version in any letter case is HTTP",
          "[wire]") {
  for (const char* line :
       {"get / http/1.1", "GET / HTTP/1.0", "post /x HtTp/1.1", "x HTTP/1.1", " HTTP/1.1"}) {
    INFO(line);
    CHECK(agora::is_http_line(line));
  }
  for (const char* line : {"", "HTTP/1.1", "getHTTP/1.1", "get / HTTP/1.2", "get / HTTP/2",
                           "get / HTTP/1.", "get / HTTP/1.1 x", "ping"}) {
    INFO(line);
    CHECK_FALSE(agora::is_http_line(line));
  }
}
