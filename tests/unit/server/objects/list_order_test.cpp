// SPDX-License-Identifier: MIT

// list.sort: ranks of 8 bytes order the elements as whole comparisons do.

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "shared/value/any.hpp"
#include "shared/value/compare.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/machine_calls.hpp"

namespace agora::test {
namespace {

/// Sorts the values in a list of the server, and compares with a sort by whole comparisons.
void check_sort(const std::vector<any>& values) {
  MachineCalls call;
  for (const bool reversed : {false, true}) {
    call("object.delete", "l");
    call("object.create", "list", "l", std::vector<std::vector<any>>(1, values));
    REQUIRE(call("list.sort", "l", reversed).error.empty());
    std::vector<Packed> expected;
    for (const any& value : values) expected.push_back(pack(value));
    std::stable_sort(expected.begin(), expected.end(), [&](const Packed& a, const Packed& b) {
      return *compare(reversed ? b : a, reversed ? a : b) == std::partial_ordering::less;
    });
    const Packed sorted = call("list.copy", "l").result;
    std::string packed;
    Writer out{packed};
    out.list(static_cast<std::uint32_t>(expected.size()));
    for (const Packed& value : expected) out.packed(value);
    CHECK(sorted.bytes() == packed);
  }
}

TEST_CASE("list.sort: numbers of all kinds", "[objects]") {
  const double whole = 9007199254740992.0;  // 2^53
  check_sort({any(3), any(1.5), any(-2), any(true), any(false), any(-0.0), any(0), any(1)});
  check_sort({any(INT64_MAX), any(INT64_MIN), any(0), any(INT64_MAX - 1), any(INT64_MIN + 1)});
  check_sort({any(UINT64_MAX), any(std::uint64_t{1} << 63), any(-1), any(INT64_MIN), any(7)});
  check_sort({any(UINT64_MAX), any(UINT64_MAX - 1), any(std::uint64_t{1} << 63), any(0)});
  check_sort({any(std::int64_t{9007199254740993}), any(whole), any(whole + 2), any(whole - 1),
              any(-std::int64_t{9007199254740993}), any(-whole), any(0.5)});
  check_sort({any(std::numeric_limits<double>::infinity()), any(1), any(UINT64_MAX),
              any(-std::numeric_limits<double>::infinity()), any(INT64_MIN), any(1e300)});
}

TEST_CASE("list.sort: NaN comes last", "[objects]") {
  MachineCalls call;
  const std::vector<any> values{any(2), any(std::nan("")), any(1), any(-1.5)};
  call("object.create", "list", "l", std::vector<std::vector<any>>(1, values));
  REQUIRE(call("list.sort", "l").error.empty());
  CHECK(call("list.get", "l", 0).as<double>() == -1.5);
  CHECK(call("list.get", "l", 2).as<int>() == 2);
  CHECK(std::isnan(call("list.get", "l", 3).as<double>()));
}

TEST_CASE("list.sort: texts, also with a common prefix, zeros and equal beginnings", "[objects]") {
  const auto texts = [](const std::vector<std::string>& from) {
    std::vector<any> made;
    for (const std::string& each : from) made.emplace_back(each);
    return made;
  };
  check_sort(texts({"b", "", "a", "ab", "abc", "\x7f", "abcdefg", "abcdefgh", "abcdefghi"}));
  check_sort(texts({"user:10", "user:1", "user:2", "user:", "user:100000001", "user:100000000"}));
  const std::string zero(1, '\0');
  check_sort(texts({"a" + zero, "a", "a" + zero + zero, "a" + zero + "b", zero, ""}));
  std::mt19937 random{3};
  std::vector<std::string> many;
  for (int i = 0; i < 500; ++i) {
    std::string text = "p";
    for (std::size_t left = random() % 14; left > 0; --left) text += "ab"[random() % 2];
    many.push_back(text);
  }
  check_sort(texts(many));
}

TEST_CASE("list.sort: lists are ordered by their first elements, then by the others", "[objects]") {
  const auto pair = [](any a, any b) { return any(std::vector<any>{std::move(a), std::move(b)}); };
  check_sort({pair(any(2), any("b")), pair(any(1), any("z")), pair(any(2), any("a")),
              pair(any(1.0), any("a")), any(std::vector<any>{any(2)})});
  check_sort({pair(any("x"), any(2)), pair(any("x"), any(1)), pair(any("w"), any(3))});
  check_sort({any(std::vector<any>{}), any(std::vector<any>{any(1)}), any(std::vector<any>{})});
}

TEST_CASE("list.sort: values without an order are refused and nothing changes", "[objects]") {
  MachineCalls call;
  const auto refused = [&](const std::vector<any>& values) {
    call("object.delete", "l");
    call("object.create", "list", "l", std::vector<std::vector<any>>(1, values));
    const Packed before = call("list.copy", "l").result;
    CHECK(call("list.sort", "l").error == "TypeError");
    CHECK(call("list.copy", "l").result == before);
  };
  refused({any(2), any("1")});
  refused({any(), any()});
  refused({any(std::vector<any>{any(2)}), any(std::vector<any>{any("1")})});
}

TEST_CASE("list.sort: too many whole comparisons are refused and nothing changes", "[objects]") {
  MachineInput input;
  input.limits.work_elements_max = 1'000;
  MachineCalls call{input};
  std::vector<any> values;
  for (int i = 0; i < 900; ++i) {
    values.emplace_back(std::string(40, i % 2 == 0 ? 'a' : 'b') + std::to_string(i * 7919 % 900));
  }
  call("object.create", "list", "l", std::vector<std::vector<any>>(1, values));
  CHECK(call("list.sort", "l").error == "TooLarge");
  CHECK(call("list.get", "l", 0).as<std::string>() == std::string(40, 'a') + "0");
}

}  // namespace
}  // namespace agora::test
