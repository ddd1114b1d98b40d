// SPDX-License-Identifier: MIT

#include "shared/base/expected.hpp"

#include <memory>
#include <string>

#include "tests/support/catch.hpp"

using namespace agora;

namespace {

Expected<int> half(int number) {
  if (number % 2 != 0) return fail(Errc::value_error, "odd");
  return number / 2;
}

Expected<std::string> quarter(int number) {
  auto first = half(number);
  if (!first) return first.failure();
  auto second = half(*first);
  if (!second) return second.failure();
  return std::to_string(*second);
}

}  // namespace

TEST_CASE("expected: holds a value or an error", "[base]") {
  auto good = half(6);
  REQUIRE(good);
  CHECK(good.has_value());
  CHECK(*good == 3);
  auto bad = half(7);
  REQUIRE_FALSE(bad);
  CHECK(bad.error().code == Errc::value_error);
  CHECK(bad.error().message == "odd");
  CHECK(bad.error().done == Done::no);
}

TEST_CASE("expected: an error propagates into another type of result", "[base]") {
  CHECK(*quarter(8) == "2");
  auto bad = quarter(6);
  REQUIRE_FALSE(bad);
  CHECK(bad.error().message == "odd");
}

TEST_CASE("expected: the details of an error survive propagation", "[base]") {
  Expected<void> first = fail(Error{Errc::too_large, "large", Done::unknown, {{"limit", "\x05"}}});
  Expected<int> second = first.failure();
  REQUIRE(second.error().details.size() == 1);
  CHECK(second.error().details[0].name == "limit");
  CHECK(second.error().done == Done::unknown);
}

TEST_CASE("expected: a success without a value is true", "[base]") {
  Expected<void> done;
  CHECK(done);
  CHECK(done.has_value());
  done = fail(Errc::empty, "nothing");
  CHECK_FALSE(done);
}

TEST_CASE("expected: a move-only value moves in and out", "[base]") {
  Expected<std::unique_ptr<int>> owner(std::make_unique<int>(5));
  REQUIRE(owner);
  const std::unique_ptr<int> taken = std::move(*owner);
  CHECK(*taken == 5);
}
