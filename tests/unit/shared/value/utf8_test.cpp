// SPDX-License-Identifier: MIT

#include "shared/value/utf8.hpp"

#include <string>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/unit/shared/value/random_values.hpp"
#include "tests/unit/shared/value/samples.hpp"

using namespace agora;
using namespace agora::test;

namespace {

std::string encoded(std::uint32_t point) {
  if (point < 0x80) return bytes_of({point});
  if (point < 0x800) return bytes_of({0xc0 | (point >> 6), 0x80 | (point & 0x3f)});
  if (point < 0x10000) {
    return bytes_of({0xe0 | (point >> 12), 0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f)});
  }
  return bytes_of({0xf0 | (point >> 18), 0x80 | ((point >> 12) & 0x3f),
                   0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f)});
}

}  // namespace

TEST_CASE("utf8: every code point except the surrogates is valid", "[value]") {
  std::uint32_t wrong = 0;
  for (std::uint32_t point = 0; point <= 0x110000; ++point) {
    const bool valid = point < 0x110000 && (point < 0xd800 || point > 0xdfff);
    if (is_utf8(encoded(point)) != valid) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("utf8: malformed sequences are refused", "[value]") {
  const std::vector<std::string> broken{
      "\x80",  // a lone continuation byte
      "\xbf",
      "\xc3",  // truncated
      "\xe2\x82",
      "\xf0\x9f\x98",
      "\xc3\x28",  // no continuation byte
      "\xe2\x28\xa1",
      "\xe2\x82\x28",
      "\xf0\x9f\x98\x28",
      "\xc0\x80",  // overlong
      "\xc1\xbf",
      "\xe0\x80\x80",
      "\xe0\x9f\xbf",
      "\xf0\x80\x80\x80",
      "\xf0\x8f\xbf\xbf",
      "\xed\xa0\x80",  // surrogates
      "\xed\xbf\xbf",
      "\xf4\x90\x80\x80",  // above U+10FFFF
      "\xf5\x80\x80\x80",
      "\xf8\x88\x80\x80\x80",
      "\xfe",
      "\xff",
  };
  for (const std::string& text : broken) {
    CHECK_FALSE(is_utf8(text));
    CHECK_FALSE(is_utf8("before " + text));
    CHECK_FALSE(is_utf8(text + " and after"));
    CHECK_FALSE(is_utf8("eight by" + text + "eight by"));
  }
}

TEST_CASE("utf8: sequences of mixed lengths are valid at any alignment", "[value]") {
  CHECK(is_utf8(""));
  CHECK(rc::check("well-formed pieces make well-formed text", [] {
    const std::string text = random_text();
    RC_ASSERT(is_utf8(text));
    RC_ASSERT(is_utf8("padding of eight" + text));
    RC_ASSERT_FALSE(is_utf8(text + "\x80"));
  }));
}
