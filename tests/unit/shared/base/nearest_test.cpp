// SPDX-License-Identifier: MIT

#include "shared/base/nearest.hpp"

#include <string>

#include <rapidcheck.h>

#include "tests/support/catch.hpp"

using agora::edit_distance;
using agora::nearest;
using Names = std::vector<std::string_view>;

TEST_CASE("edit distance: counts single changes", "[wire]") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("get", "get") == 0);
  CHECK(edit_distance("get", "") == 3);
  CHECK(edit_distance("get", "gets") == 1);
  CHECK(edit_distance("gxt", "get") == 1);
  CHECK(edit_distance("gte", "get") == 1);
  CHECK(edit_distance("GET", "get") == 0);
  CHECK(edit_distance("kitten", "sitting") == 3);
}

TEST_CASE("edit distance: is symmetric and at most the longer length", "[wire]") {
  CHECK(rc::check("symmetric", [](const std::string& a, const std::string& b) {
    RC_ASSERT(edit_distance(a, b) == edit_distance(b, a));
    RC_ASSERT(edit_distance(a, b) <= std::max(a.size(), b.size()));
    RC_ASSERT(edit_distance(a, a) == 0U);
  }));
}

TEST_CASE("nearest: the closest name comes first", "[wire]") {
  const Names names{"dict.get", "dict.set", "dict.get_or", "list.get", "queue.get", "lock.acquire"};
  CHECK(nearest("dict.gett", names) == Names{"dict.get", "dict.set", "dict.get_or"});
  CHECK(nearest("dcit.get", names) == Names{"dict.get", "dict.set"});
  CHECK(nearest("lock.aquire", names) == Names{"lock.acquire"});
  CHECK(nearest("Queue.Get", names).front() == "queue.get");
}

TEST_CASE("nearest: distant names are not offered", "[wire]") {
  const Names names{"dict.get", "x", "ab"};
  CHECK(nearest("semaphore.acquire", names).empty());
  CHECK(nearest("y", names).empty());
  CHECK(nearest("", names).empty());
  CHECK(nearest("", {}).empty());
}

TEST_CASE("nearest: offers at most three names, equally close ones in list order", "[wire]") {
  const Names names{"set1", "set2", "set3", "set4"};
  CHECK(nearest("set0", names) == Names{"set1", "set2", "set3"});
}

TEST_CASE("nearest: a name of more than 64 bytes has no nearest name", "[wire]") {
  const std::string longest(64, 'a');
  const std::string longer(65, 'a');
  CHECK(nearest(longest, Names{longest}).size() == 1);
  CHECK(nearest(longer, Names{longer}).empty());
  CHECK(edit_distance(std::string(1'000'000, 'a'), longest) == 0);
}
