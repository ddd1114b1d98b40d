// SPDX-License-Identifier: MIT

#include "shared/value/compare.hpp"

#include <bit>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "shared/value/any.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/shared/value/random_values.hpp"
#include "tests/unit/shared/value/samples.hpp"

using namespace agora;
using namespace agora::test;

namespace {

using Order = std::partial_ordering;

std::optional<Order> order(const any& a, const any& b) { return compare(a.packed(), b.packed()); }

// Numbers so close together that a comparison as floats would be wrong.
std::string random_number() {
  return written([](Writer& writer) {
    switch (*rc::gen::inRange(0, 5)) {
      case 0:
        return writer.boolean(*rc::gen::arbitrary<bool>());
      case 1:
        return writer.integer(random_integer());
      case 2:
        return writer.unsigned_integer(UINT64_MAX - *rc::gen::inRange<std::uint64_t>(0, 5000));
      case 3:
        return writer.integer((std::int64_t{1} << 53) + *rc::gen::inRange<std::int64_t>(-3, 4));
      default: {
        const double number = random_real();
        return writer.real(std::isnan(number) ? 9007199254740992.0 : number);
      }
    }
  });
}

// Exact on x86-64, where a long double has a 64-bit mantissa.
long double exact(const std::string& bytes) {
  Token token;
  RC_ASSERT(Reader(bytes).next(token) == Reader::Status::ok);
  if (token.kind == Kind::boolean) return token.boolean ? 1 : 0;
  if (token.kind == Kind::real) return static_cast<long double>(token.real);
  if (token.negative) return static_cast<long double>(token.integer);
  return static_cast<long double>(token.natural);
}

}  // namespace

TEST_CASE("compare: numbers compare by value across kinds", "[value]") {
  CHECK(order(1, 2) == Order::less);
  CHECK(order(2, 1) == Order::greater);
  CHECK(order(1, 1.0) == Order::equivalent);
  CHECK(order(1, 1.5) == Order::less);
  CHECK(order(-1, -1.5) == Order::greater);
  CHECK(order(-1.5, -1) == Order::less);
  CHECK(order(true, 1) == Order::equivalent);
  CHECK(order(false, 0.5) == Order::less);
  CHECK(order(-0.0, 0) == Order::equivalent);
  CHECK(order(-1, UINT64_MAX) == Order::less);
  CHECK(order(INT64_MIN, -9223372036854775808.0) == Order::equivalent);
  CHECK(order(UINT64_MAX, 18446744073709551616.0) == Order::less);
  CHECK(order(INT64_MIN, -1e300) == Order::greater);
  CHECK(order(HUGE_VAL, UINT64_MAX) == Order::greater);
}

TEST_CASE("compare: ints and floats compare without rounding", "[value]") {
  const std::int64_t beyond = (std::int64_t{1} << 53) + 1;
  CHECK(order(beyond, 9007199254740992.0) == Order::greater);
  CHECK(order(9007199254740992.0, beyond) == Order::less);
  CHECK(order(INT64_MAX, 9223372036854775808.0) == Order::less);
}

TEST_CASE("compare: the order of numbers is exact", "[value]") {
  STATIC_REQUIRE(std::numeric_limits<long double>::digits >= 64);
  CHECK(rc::check("compare() agrees with long double", [] {
    const std::string a = random_number();
    const std::string b = random_number();
    const std::optional<Order> result = compare(PackedView(a), PackedView(b));
    const Order expected = exact(a) <=> exact(b);
    RC_ASSERT(result.has_value());
    RC_ASSERT((*result == expected));
  }));
}

TEST_CASE("compare: NaN is unordered", "[value]") {
  CHECK(order(NAN, 1) == Order::unordered);
  CHECK(order(1, NAN) == Order::unordered);
  CHECK(order(NAN, NAN) == Order::unordered);
  CHECK(order(true, NAN) == Order::unordered);
}

TEST_CASE("compare: text compares by code points, bytes by bytes", "[value]") {
  CHECK(order("a", "b") == Order::less);
  CHECK(order("a", "aa") == Order::less);
  CHECK(order("", "") == Order::equivalent);
  CHECK(order("\xef\xbf\xbf", "\xf0\x90\x80\x80") == Order::less);
  CHECK(order("z", "\xc3\xa4") == Order::less);
  using Bytes = std::vector<std::byte>;
  CHECK(order(Bytes{std::byte{0x7f}}, Bytes{std::byte{0x80}}) == Order::less);
}

TEST_CASE("compare: lists compare element by element", "[value]") {
  using List = std::vector<any>;
  CHECK(order(List{}, List{1}) == Order::less);
  CHECK(order(List{1, 2}, List{1, 3}) == Order::less);
  CHECK(order(List{2}, List{1, 3}) == Order::greater);
  CHECK(order(List{1, "x"}, List{1.0, "x"}) == Order::equivalent);
  CHECK(order(List{List{1}, 5}, List{List{2}, 4}) == Order::less);
  CHECK(order(List{1, "x"}, List{1, 2}) == std::nullopt);
  CHECK(order(List{1, "x"}, List{2, 2}) == Order::less);
  CHECK(order(List{NAN, 1}, List{0, 1}) == Order::unordered);
}

TEST_CASE("compare: equal elements without an order do not stop the comparison of lists",
          "[value]") {
  using List = std::vector<any>;
  const std::map<int, int> map{{1, 1}};
  CHECK(order(List{nullptr, 1}, List{nullptr, 2}) == Order::less);
  CHECK(order(List{map, 2}, List{map, 1}) == Order::greater);
  CHECK(order(List{nullptr}, List{nullptr}) == Order::equivalent);
  CHECK(order(List{nullptr}, List{1}) == std::nullopt);
}

TEST_CASE("compare: different kinds have no order, and some kinds have none at all", "[value]") {
  const std::map<int, int> map;
  CHECK(order(1, "1") == std::nullopt);
  CHECK(order("x", std::vector<int>{}) == std::nullopt);
  CHECK(order("x", reference{"x"}) == std::nullopt);
  CHECK(order(nullptr, nullptr) == std::nullopt);
  CHECK(order(map, map) == std::nullopt);
  CHECK(order(reference{"x"}, reference{"x"}) == std::nullopt);
  CHECK(compare(PackedView(), pack(1)) == std::nullopt);
}

TEST_CASE("compare: the order is antisymmetric", "[value]") {
  CHECK(rc::check("compare(a, b) is the reverse of compare(b, a)", [] {
    const std::string a = *values(2);
    const std::string b = *values(2);
    const auto forth = compare(PackedView(a), PackedView(b));
    const auto back = compare(PackedView(b), PackedView(a));
    RC_ASSERT(forth.has_value() == back.has_value());
    if (forth) RC_ASSERT((*forth == (0 <=> *back)));
  }));
}

TEST_CASE("compare: the order of numbers and of lists of numbers is transitive", "[value]") {
  CHECK(rc::check("a < b and b < c make a < c", [] {
    std::vector<std::string> sorted;
    for (int i = 0; i < 3; ++i) {
      sorted.push_back(written([](Writer& writer) {
        const auto count = *rc::gen::inRange<std::uint32_t>(0, 3);
        writer.list(count);
        for (std::uint32_t n = 0; n < count; ++n) writer.out().append(random_number());
      }));
    }
    const auto less = [](const std::string& a, const std::string& b) {
      return compare(PackedView(a), PackedView(b)) == Order::less;
    };
    std::sort(sorted.begin(), sorted.end(), less);
    RC_ASSERT_FALSE(less(sorted[1], sorted[0]));
    RC_ASSERT_FALSE(less(sorted[2], sorted[1]));
    RC_ASSERT_FALSE(less(sorted[2], sorted[0]));
  }));
}

TEST_CASE("compare: the order is irreflexive", "[value]") {
  CHECK(rc::check("compare(a, a) is equivalent, or there is no order", [] {
    const std::string a = *values(2);
    const auto result = compare(PackedView(a), PackedView(a));
    if (result == Order::unordered) RC_ASSERT(PackedView(a).kind() == Kind::real);
    RC_ASSERT((result != Order::less && result != Order::greater));
  }));
}
