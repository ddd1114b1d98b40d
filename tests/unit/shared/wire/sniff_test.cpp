// SPDX-License-Identifier: MIT

#include "shared/wire/sniff.hpp"

#include <string>

#include "tests/support/catch.hpp"

using agora::sniff;
using agora::Wire;

TEST_CASE("sniffer: the first byte decides the protocol", "[wire]") {
  for (int byte = 0; byte < 256; ++byte) {
    INFO(byte);
    const std::string first(1, static_cast<char>(byte));
    Wire expected = Wire::nothing;
    if (std::string("{[?\r\n \t").find(first) != std::string::npos) expected = Wire::text;
    if (byte >= 'a' && byte <= 'z') expected = Wire::text;
    if (byte >= 'A' && byte <= 'Z') expected = Wire::http;
    if (byte == 0x93 || byte == 0x94 || byte == 0xdc || byte == 0xdd) expected = Wire::msgpack;
    if (byte == 0x16) expected = Wire::tls;
    if (byte == 'C' || byte == 0xef) expected = Wire::undecided;
    CHECK(sniff(first).wire == expected);
    CHECK(sniff(first).skipped == 0);
  }
  CHECK(sniff("").wire == Wire::undecided);
}

TEST_CASE("sniffer: a byte order mark before text is skipped", "[wire]") {
  CHECK(sniff("\xef\xbb").wire == Wire::undecided);
  const auto verdict = sniff("\xef\xbb\xbf{");
  CHECK(verdict.wire == Wire::text);
  CHECK(verdict.skipped == 3);
  CHECK(sniff("\xef\xbb{").wire == Wire::nothing);
  CHECK(sniff("\xef{").wire == Wire::nothing);
}

TEST_CASE("sniffer: a Content-Length header is told from HTTP by as many bytes as it takes",
          "[wire]") {
  CHECK(sniff("Content-Len").wire == Wire::undecided);
  CHECK(sniff("Content-Length:").wire == Wire::headers);
  CHECK(sniff("CONTENT-length: 52\r\n").wire == Wire::headers);
  CHECK(sniff("CONNECT example.org:443 HTTP/1.1").wire == Wire::http);
  CHECK(sniff("CO").wire == Wire::undecided);
  CHECK(sniff("CONN").wire == Wire::http);
  CHECK(agora::is_header_line("content-length: 5"));
  CHECK(!agora::is_header_line("content-lengt"));
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
