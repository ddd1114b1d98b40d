// SPDX-License-Identifier: MIT

#include "shared/value/describe.hpp"

#include <map>
#include <string>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/unit/shared/value/samples.hpp"

using namespace agora;
using namespace agora::test;

TEST_CASE("describe: scalars are described with their value", "[value]") {
  CHECK(describe(pack(nullptr)) == "null");
  CHECK(describe(pack(true)) == "bool true");
  CHECK(describe(pack(false)) == "bool false");
  CHECK(describe(pack(-5)) == "int -5");
  CHECK(describe(pack(UINT64_MAX)) == "int 18446744073709551615");
  CHECK(describe(pack(2.0)) == "float 2.0");
  CHECK(describe(pack(0.1)) == "float 0.1");
  CHECK(describe(pack(-1e300)) == "float -1e+300");
  CHECK(describe(pack("x")) == "text \"x\"");
  CHECK(describe(pack(reference{"jobs"})) == "reference \"jobs\"");
}

TEST_CASE("describe: values that do not fit in a line are described by their kind", "[value]") {
  CHECK(describe(pack(std::vector<int>{1, 2})) == "list");
  CHECK(describe(pack(std::map<int, int>{})) == "map");
  CHECK(describe(pack(std::vector<std::byte>(3))) == "bytes");
  CHECK(describe(PackedView(bytes_of({0xd6, 2, 0x92, 0xc4, 0, 0x90}))) == "opaque");
  CHECK(describe(PackedView()) == "nothing");
}

TEST_CASE("describe: text is quoted and escaped, so that it stays in its line", "[value]") {
  CHECK(describe(pack("a\"b\\c")) == R"(text "a\"b\\c")");
  CHECK(describe(pack("a\nb\x7f")) == R"(text "a\u000ab\u007f")");
}

TEST_CASE("describe: long text is truncated at a character boundary", "[value]") {
  CHECK(describe(pack(std::string(40, 'x'))) == "text \"" + std::string(40, 'x') + "\"");
  CHECK(describe(pack(std::string(41, 'x'))) == "text \"" + std::string(40, 'x') + "...\"");
  const std::string before_umlaut(39, 'x');
  CHECK(describe(pack(before_umlaut + "\xc3\xa4")) == "text \"" + before_umlaut + "...\"");
}
