// SPDX-License-Identifier: MIT

#include "shared/base/pattern.hpp"

#include <random>
#include <string>
#include <string_view>

#include "tests/support/catch.hpp"

namespace agora {
namespace {

bool matches(std::string_view pattern, std::string_view name) {
  return NamePattern{pattern}.matches(name);
}

/// The definition: slow, and obviously right.
bool defined_match(std::string_view pattern, std::string_view name) {
  if (pattern.empty()) return name.empty();
  if (pattern[0] == '*') {
    for (std::size_t i = 0; i <= name.size(); ++i) {
      if (defined_match(pattern.substr(1), name.substr(i))) return true;
    }
    return false;
  }
  if (name.empty() || (pattern[0] != '?' && pattern[0] != name[0])) return false;
  return defined_match(pattern.substr(1), name.substr(1));
}

TEST_CASE("name pattern: a star matches any text, a question mark one byte", "[base]") {
  CHECK(matches("", ""));
  CHECK_FALSE(matches("", "a"));
  CHECK(matches("*", ""));
  CHECK(matches("job*", "job-1"));
  CHECK_FALSE(matches("job*", "a job"));
  CHECK(matches("*job", "a job"));
  CHECK(matches("a?c", "abc"));
  CHECK_FALSE(matches("a?c", "ac"));
  CHECK(matches("\xc3\xa9*", "\xc3\xa9t\xc3\xa9"));
}

TEST_CASE("name pattern: random patterns match as defined", "[base]") {
  std::mt19937 random{16};
  const auto text = [&](std::string_view letters, std::size_t length_max) {
    std::string made(random() % (length_max + 1), ' ');
    for (char& each : made) each = letters[random() % letters.size()];
    return made;
  };
  for (int i = 0; i < 20'000; ++i) {
    const std::string pattern = text("ab*?", 8);
    const std::string name = text("ab", 10);
    INFO(pattern << " " << name);
    REQUIRE(matches(pattern, name) == defined_match(pattern, name));
  }
}

TEST_CASE("name pattern: patterns of more than one word match as defined", "[base]") {
  std::mt19937 random{17};
  for (std::size_t length : {62U, 63U, 64U, 65U, 127U, 128U, 129U, 511U, 512U}) {
    const std::string name(length, 'a');
    std::string pattern = name;
    CHECK(matches(pattern, name));
    CHECK_FALSE(matches(pattern, name + "a"));
    CHECK_FALSE(matches(pattern, name.substr(1)));
    pattern[random() % length] = '?';
    CHECK(matches(pattern, name));
    pattern[random() % length] = '*';
    CHECK(matches(pattern, name));
    CHECK(matches(pattern, name + "aa"));
    CHECK_FALSE(matches(pattern + "b", name));
    CHECK(matches("*" + name.substr(1) + "b*", "xa" + name + "bc"));
  }
}

TEST_CASE("name pattern: stars cost nothing, and each byte of a name costs the same", "[base]") {
  CHECK(NamePattern{std::string(100'000, '*') + "x"}.step_words() == 1);
  CHECK(NamePattern{std::string(63, 'a')}.step_words() == 1);
  CHECK(NamePattern{std::string(512, 'a')}.step_words() == 9);
  CHECK(NamePattern{std::string(512, 'a')}.bytes() < 2'000);
}

}  // namespace
}  // namespace agora
