// SPDX-License-Identifier: MIT

#include "shared/wire/telnet.hpp"

#include <string>

#include <rapidcheck.h>

#include "tests/support/catch.hpp"

using agora::TelnetCommand;
using agora::TelnetFilter;
using namespace std::string_literals;

namespace {

/// The text of a connection, with `^` for an interrupt and `?` for a question, and the replies.
struct Outcome {
  std::string text;
  std::string reply;
  bool operator==(const Outcome&) const = default;
};

void feed(TelnetFilter& filter, std::string_view bytes, Outcome& outcome) {
  while (!bytes.empty()) {
    switch (filter.read(bytes, outcome.text, outcome.reply)) {
      case TelnetCommand::none:
        break;
      case TelnetCommand::interrupt:
        outcome.text += '^';
        break;
      case TelnetCommand::are_you_there:
        outcome.text += '?';
        break;
    }
  }
}

Outcome whole(const std::string& bytes) {
  TelnetFilter filter;
  Outcome outcome;
  feed(filter, bytes, outcome);
  return outcome;
}

}  // namespace

TEST_CASE("telnet: commands are dropped wherever they stand in text", "[wire]") {
  CHECK(whole("pi\xff\xf1ng\n\xff\xf9") == Outcome{"ping\n", ""});
  CHECK(whole("\xff\xfa\x18\x00xterm\xff\xff\xff\xf0ping"s) == Outcome{"ping", ""});
  CHECK(whole("a\xff\xff"
              "b") == Outcome{"a\xff"
                              "b",
                              ""});
  CHECK(whole("a\xff"
              "b") == Outcome{"ab", ""});
}

TEST_CASE("telnet: an option that is asked for or offered is refused", "[wire]") {
  CHECK(whole("x\xff\xfd\x06y") == Outcome{"xy", "\xff\xfc\x06"});
  CHECK(whole("\xff\xfb\x18") == Outcome{"", "\xff\xfe\x18"});
  CHECK(whole("\xff\xfc\x01\xff\xfe\xff.") == Outcome{".", ""});
  CHECK(whole("\xff\xfd\xff.") == Outcome{".", "\xff\xfc\xff"});
}

TEST_CASE("telnet: Ctrl-C and the question whether the server is there are found", "[wire]") {
  CHECK(whole("ab\xff\xf4\xff\xfd\x06"
              "c\n") == Outcome{"ab^c\n", "\xff\xfc\x06"});
  CHECK(whole("ab\xff\xf3\xff\xf6") == Outcome{"ab^?", ""});
}

TEST_CASE("telnet: the outcome does not depend on how the bytes arrive", "[wire]") {
  CHECK(rc::check("split anywhere", [](const std::string& some) {
    std::string input;
    for (const char c : some) {
      input += c;
      if (*rc::gen::inRange(0, 2) == 0) input += '\xff';
      if (*rc::gen::inRange(0, 2) == 0) input += static_cast<char>(*rc::gen::inRange(239, 256));
    }
    const auto at = *rc::gen::inRange<std::size_t>(0, input.size() + 1);
    TelnetFilter filter;
    Outcome pieces;
    feed(filter, std::string_view(input).substr(0, at), pieces);
    feed(filter, std::string_view(input).substr(at), pieces);
    RC_ASSERT(pieces == whole(input));
  }));
}

TEST_CASE("telnet: bytes without commands need no filter", "[wire]") {
  TelnetFilter filter;
  CHECK(!filter.concerns("ping\n"));
  CHECK(filter.concerns("pi\xff"));
  std::string_view bytes = "\xff";
  std::string text;
  std::string reply;
  filter.read(bytes, text, reply);
  CHECK(filter.concerns("ping\n"));
}
