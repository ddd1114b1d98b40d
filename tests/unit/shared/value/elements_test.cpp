// SPDX-License-Identifier: MIT

#include "shared/value/elements.hpp"

#include <string>
#include <vector>

#include "shared/value/msgpack_writer.hpp"
#include "tests/support/catch.hpp"

namespace agora {
namespace {

std::vector<std::string> elements_of(PackedView list) {
  std::vector<std::string> found;
  for (const PackedView element : Elements{list}) found.emplace_back(element.bytes());
  return found;
}

TEST_CASE("elements: an empty list has none", "[value]") {
  CHECK(elements_of(PackedView{"\x90"}).empty());
}

TEST_CASE("elements: each is one whole value, however deep", "[value]") {
  std::string packed;
  Writer out{packed};
  out.list(3);
  out.integer(1);
  out.list(2), out.text("a"), out.list(0);
  out.text("b");
  CHECK(elements_of(PackedView{packed}) == std::vector<std::string>{"\x01",
                                                                    "\x92\xa1"
                                                                    "a\x90",
                                                                    "\xa1"
                                                                    "b"});
}

TEST_CASE("elements: a list of 70,000 is read to its end", "[value]") {
  std::string packed;
  Writer out{packed};
  out.list(70'000);
  for (int i = 0; i < 70'000; ++i) out.integer(i % 100);
  Elements elements{PackedView{packed}};
  CHECK(elements.count() == 70'000);
  int expected = 0;
  int wrong = 0;
  for (const PackedView element : elements) wrong += element.bytes()[0] != expected++ % 100 ? 1 : 0;
  CHECK(wrong == 0);
  CHECK(expected == 70'000);
}

}  // namespace
}  // namespace agora
