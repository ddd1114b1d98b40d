// SPDX-License-Identifier: MIT

#include "shared/base/ids.hpp"

#include <type_traits>
#include <unordered_set>

#include "shared/base/time.hpp"
#include "tests/support/catch.hpp"

using namespace agora;

TEST_CASE("ids: types do not convert into each other", "[base]") {
  STATIC_REQUIRE_FALSE(std::is_convertible_v<SessionId, ObjectId>);
  STATIC_REQUIRE_FALSE(std::is_convertible_v<std::uint64_t, ObjectId>);
}

TEST_CASE("ids: zero is no id", "[base]") {
  CHECK_FALSE(SessionId{});
  CHECK(SessionId{1});
}

TEST_CASE("ids: order and hash are those of the number", "[base]") {
  CHECK(ObjectId{1} < ObjectId{2});
  const std::unordered_set<ObjectId> ids{{1}, {2}, {1}};
  CHECK(ids.size() == 2);
}

TEST_CASE("time: durations and instants convert to seconds", "[base]") {
  using namespace std::chrono_literals;
  CHECK(seconds_of(Duration(1500ms)) == 1.5);
  CHECK(seconds_of(Instant(Duration(2s))) == 2.0);
}
