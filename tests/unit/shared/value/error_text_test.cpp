// SPDX-License-Identifier: MIT

#include "shared/value/error_text.hpp"

#include "shared/value/codec.hpp"
#include "shared/value/text_detail.hpp"
#include "shared/value/utf8.hpp"
#include "tests/support/catch.hpp"

namespace agora {
namespace {

std::string text_in(const std::string& packed) {
  const auto text = unpack<std::string>(Packed{packed});
  return text ? *text : "";
}

TEST_CASE("shown: text is cut at a character boundary and is UTF-8", "[value]") {
  CHECK(shown("short") == "short");
  CHECK(shown("a\xc3\xa9\xc3\xa9", 4) == "a\xc3\xa9...");
  CHECK(shown("a\xc3\xa9\xc3\xa9", 5) == "a\xc3\xa9\xc3\xa9");
  CHECK(shown("a\xff\xfe", 5) == "a??");
  CHECK(shown("\xf0\x9f\x98\x80", 3) == "...");
}

TEST_CASE("bound_error: message and details become short, a name in them stays whole", "[value]") {
  Error error{Errc::key_error, std::string(10'000, 'm'), Done::no, {}};
  const std::string name(512, 'n');
  error.details = {text_detail("object", name),
                   text_detail("key", std::string(100'000, 'k')),
                   {"list", pack(std::vector<std::string>{std::string(10'000, 'e')}).bytes()},
                   {"released", pack(std::vector<std::string>(100, name)).bytes()}};
  const std::string released = error.details[3].packed;
  bound_error(error);
  CHECK(error.message.size() == kMessageBytesMax);
  CHECK(error.message.ends_with("mmm..."));
  CHECK(text_in(error.details[0].packed) == name);
  CHECK(error.details[1].packed.size() <= kDetailBytesMax);
  CHECK(text_in(error.details[1].packed).ends_with("kkk..."));
  CHECK(text_in(error.details[2].packed) == "list");
  CHECK(error.details[3].packed == released);
}

}  // namespace
}  // namespace agora
