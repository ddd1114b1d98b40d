// SPDX-License-Identifier: MIT

// IdSet, compared with a std::set.

#include "server/core/state/id_set.hpp"

#include <set>
#include <vector>

#include "tests/support/catch.hpp"

namespace agora::test {

TEST_CASE("IdSet: it equals a std::set after every history of inserts and erases", "[core]") {
  // Every history of six steps, each of which inserts or erases one of four ids.
  constexpr unsigned kSteps = 6;
  constexpr unsigned kChoices = 8;
  unsigned histories = 1;
  for (unsigned step = 0; step < kSteps; ++step) histories *= kChoices;
  bool same = true;
  for (unsigned history = 0; history < histories && same; ++history) {
    IdSet ids;
    std::set<ObjectId> model;
    unsigned left = history;
    for (unsigned step = 0; step < kSteps; ++step, left /= kChoices) {
      const ObjectId id{1 + left % kChoices / 2};
      left % 2 == 0 ? ids.insert(id) : ids.erase(id);
      left % 2 == 0 ? static_cast<void>(model.insert(id)) : static_cast<void>(model.erase(id));
    }
    std::vector<ObjectId> found;
    ids.each([&](ObjectId id) { found.push_back(id); });
    same =
        found == std::vector<ObjectId>(model.begin(), model.end()) && ids.empty() == model.empty();
    INFO("history " << history);
    CHECK(same);
  }
}

}  // namespace agora::test
