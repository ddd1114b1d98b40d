#include "shared/base/ids.hpp"

#include <type_traits>
#include <unordered_set>

#include "shared/base/time.hpp"
#include "tests/support/catch.hpp"

using namespace agora;

TEST_CASE("ids of different things do not mix", "[base]") {
  STATIC_REQUIRE_FALSE(std::is_convertible_v<SessionId, ObjectId>);
  STATIC_REQUIRE_FALSE(std::is_convertible_v<std::uint64_t, ObjectId>);
}

TEST_CASE("an id of zero is none", "[base]") {
  CHECK_FALSE(SessionId{});
  CHECK(SessionId{1});
}

TEST_CASE("ids are ordered and hashed by their number", "[base]") {
  CHECK(Position{1} < Position{2});
  const std::unordered_set<ObjectId> ids{{1}, {2}, {1}};
  CHECK(ids.size() == 2);
}

TEST_CASE("times become seconds", "[base]") {
  using namespace std::chrono_literals;
  CHECK(seconds_of(Duration(1500ms)) == 1.5);
  CHECK(seconds_of(Instant(Duration(2s))) == 2.0);
}
