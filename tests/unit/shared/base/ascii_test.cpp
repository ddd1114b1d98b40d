// SPDX-License-Identifier: MIT

#include "shared/base/ascii.hpp"

#include <string>

#include "tests/support/catch.hpp"

TEST_CASE("is_ascii: one byte above 0x7f is found at any offset", "[base]") {
  for (std::size_t length = 0; length < 300; ++length) {
    std::string text(length + 2, '\xff');  // the bytes around the text must not matter
    std::fill_n(text.begin() + 1, length, '\x7f');
    CHECK(agora::is_ascii(text.data() + 1, length));
    for (std::size_t at = 1; at <= length; ++at) {
      text[at] = '\x80';
      if (agora::is_ascii(text.data() + 1, length)) FAIL("length " << length << ", at " << at);
      text[at] = '\x7f';
    }
  }
}
