// SPDX-License-Identifier: MIT

#include "shared/wire/base64.hpp"

#include <rapidcheck.h>

#include "tests/support/catch.hpp"

using agora::base64_decode;
using agora::base64_encode;

namespace {

std::string encoded(std::string_view raw) {
  std::string out;
  base64_encode(raw, out);
  return out;
}

bool is_refused(std::string_view text) {
  std::string out = "before";
  const bool good = base64_decode(text, out);
  CHECK((good || out == "before"));
  return !good;
}

}  // namespace

TEST_CASE("base64: encodes the samples of RFC 4648", "[wire]") {
  CHECK(encoded("").empty());
  CHECK(encoded("f") == "Zg==");
  CHECK(encoded("fo") == "Zm8=");
  CHECK(encoded("foo") == "Zm9v");
  CHECK(encoded("foob") == "Zm9vYg==");
  CHECK(encoded("fooba") == "Zm9vYmE=");
  CHECK(encoded("foobar") == "Zm9vYmFy");
  CHECK(encoded("\xfb\xff\xfe") == "+//+");
}

TEST_CASE("base64: refuses every text that is not canonical", "[wire]") {
  for (const char* text :
       {"A", "AA", "AAA", "Zg=", "Zg", "Zg===", "=", "====", "Z===", "Zg==Zg==", "Zm9v\n", " Zm9v",
        "Zm 9", "Zm-v", "Zm_v", "Zh==", "Zm9=", "Zm=v", "\xff\xff\xff\xff"}) {
    INFO(text);
    CHECK(is_refused(text));
  }
  CHECK(is_refused(std::string_view("AA\0A", 4)));
}

TEST_CASE("base64: appends behind the present content", "[wire]") {
  std::string out = "x";
  REQUIRE(base64_decode("Zm9v", out));
  base64_encode("foo", out);
  CHECK(out == "xfooZm9v");
}

TEST_CASE("base64: all bytes round-trip", "[wire]") {
  CHECK(rc::check("decode reverses encode", [](const std::string& raw) {
    std::string out;
    RC_ASSERT(base64_decode(encoded(raw), out));
    RC_ASSERT(out == raw);
  }));
  CHECK(rc::check("encode reverses decode", [](const std::string& text) {
    std::string out;
    if (base64_decode(text, out)) RC_ASSERT(encoded(out) == text);
  }));
}
