#include "shared/base/ascii.hpp"

#include <string>

#include "tests/support/catch.hpp"

TEST_CASE("one byte beyond ASCII is found wherever it stands", "[base]") {
  for (std::size_t length = 0; length < 300; ++length) {
    std::string text(length + 2, '\xff');  // what stands around it does not count
    std::fill_n(text.begin() + 1, length, '\x7f');
    CHECK(agora::is_ascii(text.data() + 1, length));
    for (std::size_t at = 1; at <= length; ++at) {
      text[at] = '\x80';
      if (agora::is_ascii(text.data() + 1, length)) FAIL("length " << length << ", at " << at);
      text[at] = '\x7f';
    }
  }
}
