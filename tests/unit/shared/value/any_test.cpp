// SPDX-License-Identifier: MIT

#include "shared/value/any.hpp"

#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/unit/shared/value/random_values.hpp"
#include "tests/unit/shared/value/samples.hpp"

using namespace agora;
using namespace agora::test;

namespace {

any any_of(const std::string& bytes) { return any(Packed(bytes)); }

}  // namespace

TEST_CASE("any: is null by default", "[value]") {
  const any nothing;
  CHECK(nothing.is_null());
  CHECK(nothing.kind() == Kind::null);
  CHECK(nothing == nullptr);
}

TEST_CASE("any: converts from every type that has a codec", "[value]") {
  const any number = 5;
  const any real = 1.5;
  const any text = "x";
  const any flag = true;
  const any list = std::vector<any>{1, "two", nullptr, std::vector<int>{3}};
  const any map = std::map<any, any>{{"a", 1}, {2, "b"}};
  const any name = reference{"jobs"};
  CHECK(number.kind() == Kind::integer);
  CHECK(real.kind() == Kind::real);
  CHECK(text.kind() == Kind::text);
  CHECK(flag.kind() == Kind::boolean);
  CHECK(list.kind() == Kind::list);
  CHECK(map.kind() == Kind::map);
  CHECK(name.kind() == Kind::reference);
}

TEST_CASE("any: does not convert from a type without codec, and copies keep the value", "[value]") {
  struct Unknown {};
  STATIC_REQUIRE_FALSE(std::is_constructible_v<any, Unknown>);
  STATIC_REQUIRE_FALSE(std::is_convertible_v<Packed, any>);
  any original = 5;
  const any copy = original;
  original = "changed";
  CHECK(copy == 5);
  CHECK(original == "changed");
}

TEST_CASE("any: returns the value that it holds", "[value]") {
  const any number = 5;
  CHECK(*number.get<int>() == 5);
  CHECK(number.if_is<int>() == 5);
  CHECK(number.if_is<double>() == 5.0);
  CHECK(number.if_is<std::string>() == std::nullopt);
  auto wrong = number.get<std::string>();
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().message == "expected text, found int 5");
  const any text = "view";
  CHECK(*text.get<std::string_view>() == "view");
}

TEST_CASE("any: equality is that of the server", "[value]") {
  CHECK(any(1) == any(1.0));
  CHECK(any(0) == any(-0.0));
  CHECK(any(1) == 1.0);
  CHECK(any("x") == "x");
  CHECK(any(1) != any(true));
  CHECK(any(2) != any("2"));
  CHECK(any("x") != any(reference{"x"}));
  CHECK(any(std::vector<any>{1, 2.0}) == any(std::vector<any>{1.0, 2}));
}

TEST_CASE("any: can be the key of ordered and hashed maps", "[value]") {
  std::map<any, std::string> ordered;
  std::unordered_map<any, std::string> hashed;
  for (const any& key : {any(1), any("1"), any(true), any(nullptr), any(1.0), any(1.5)}) {
    ordered.emplace(key, "first");
    hashed.emplace(key, "first");
  }
  CHECK(ordered.size() == 5);
  CHECK(hashed.size() == 5);
  CHECK(ordered.contains(1.0));
  CHECK(hashed.contains("1"));
  CHECK_FALSE(hashed.contains(2));
}

TEST_CASE("any: order and hash are consistent with equality", "[value]") {
  CHECK(rc::check("exactly one of <, ==, > holds, and equal ones hash alike", [] {
    const any a = any_of(*values(2));
    const any b = any_of(*values(2));
    RC_ASSERT(int{a < b} + int{a == b} + int{b < a} == 1);
    RC_ASSERT_FALSE(a < a);
    const any key_of_a = any_of(key_of(a.packed()));
    RC_ASSERT(a == key_of_a);
    RC_ASSERT(std::hash<any>{}(a) == std::hash<any>{}(key_of_a));
  }));
}

TEST_CASE("any: its codec copies the value unchanged", "[value]") {
  CHECK(rc::check("Codec<any> is the identity", [] {
    const std::string bytes = *values(2);
    RC_ASSERT(pack(any_of(bytes)).bytes() == bytes);
    auto back = unpack<any>(PackedView(bytes));
    RC_ASSERT(back.has_value());
    RC_ASSERT(back->packed().bytes() == bytes);
  }));
  CHECK(unpack<any>(PackedView()).error().message == "expected any value, found nothing");
  CHECK(Codec<std::map<any, any>>::name() == "map of any value to any value");
}

TEST_CASE("any: containers of any decode from every list or map", "[value]") {
  const auto list = unpack<std::vector<any>>(pack(std::tuple<int, std::string>{1, "x"}));
  REQUIRE(list);
  CHECK(*list == std::vector<any>{1, "x"});
  const auto map = unpack<std::map<any, any>>(pack(std::map<int, bool>{{1, true}}));
  REQUIRE(map);
  CHECK(map->at(1) == true);
}
