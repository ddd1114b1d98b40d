// SPDX-License-Identifier: MIT

// The generated method descriptors, and the search of one by its name.
#include <algorithm>
#include <functional>
#include <string>

#include <agora/detail/methods.hpp>

#include "tests/support/catch.hpp"

namespace agora::detail {
namespace {

TEST_CASE("descriptors: the table is sorted by name, so that a binary search finds each",
          "[client]") {
  CHECK(std::ranges::is_sorted(methods::kAll, std::less(), &Method::name));
  for (const Method* each : methods::kAll) {
    const Method found = find_method(std::string(each->name));
    CHECK(found.name == each->name);
    CHECK(found.effect == each->effect);
    CHECK(found.waits == each->waits);
  }
}

TEST_CASE("descriptors: they carry the flags of the catalogue", "[client]") {
  CHECK(find_method("dict.get").effect == CallEffect::reads);
  CHECK(find_method("dict.set").effect == CallEffect::changes);
  CHECK(find_method("queue.get").waits);
  CHECK(find_method("queue.get").redelivers);
  CHECK_FALSE(find_method("queue.reserve").redelivers);
  CHECK_FALSE(find_method("dict.get").waits);
}

TEST_CASE("descriptors: a method of a user's own type changes something and does not wait",
          "[client]") {
  const Method own = find_method("account.balance");
  CHECK(own.name == "account.balance");
  CHECK(own.effect == CallEffect::changes);
  CHECK_FALSE(own.waits);
}

}  // namespace
}  // namespace agora::detail
