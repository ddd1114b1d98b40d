// SPDX-License-Identifier: MIT

// All operations of list against a real server.
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

namespace {

using Ints = std::vector<int>;

void ends(const agora::manager& m) {
  const auto l = m.list<int>("l", {1, 2});
  l.push_back(3);
  l.push_front(0);
  USER_CHECK(l.front() == 0 && l.back() == 3 && l.size() == 4);
  USER_CHECK(l.pop_back() == 3 && l.pop_front() == 0);
  USER_CHECK((l.copy() == Ints{1, 2}));
  l.clear();
  USER_CHECK(l.empty());
  USER_THROWS(l.pop_back(), agora::index_error);
}

void places(const agora::manager& m) {
  const auto l = m.list<int>("", {5, 6, 7});
  USER_CHECK(l[0] == 5 && l.at(-1) == 7);
  l[1] = 60;
  l[-1] = l[0];
  USER_CHECK((l.copy() == Ints{5, 60, 5}));
  USER_CHECK((l[0] += 4) == 9 && (l[0] -= 1) == 8 && ++l[0] == 9 && --l[0] == 8);
  USER_CHECK(l.add(1, 1) == 61);
  USER_CHECK(l.compare_and_set(2, 5, 50) && !l.compare_and_set(2, 5, 51));
  l.insert(1, 11);
  l.insert(100, 99);
  USER_CHECK((l.copy() == Ints{8, 11, 61, 50, 99}));
  l.erase(0);
  l.erase(1, 3);
  USER_CHECK((l.copy() == Ints{11, 99}));
  USER_CHECK(l.pop(0) == 11);
  USER_THROWS(l.at(1), agora::index_error);
  USER_THROWS(l[9] = 1, std::out_of_range);
}

void slices(const agora::manager& m) {
  const auto l = m.list<int>("", {0, 1, 2, 3, 4, 5});
  USER_CHECK((l.slice(1, 3) == Ints{1, 2}));
  USER_CHECK((l.slice(std::nullopt, std::nullopt, -2) == Ints{5, 3, 1}));
  l.set_slice(0, 2, std::nullopt, {9});
  USER_CHECK((l.copy() == Ints{9, 2, 3, 4, 5}));
  l.erase_slice(std::nullopt, std::nullopt, 2);
  USER_CHECK((l.copy() == Ints{2, 4}));
  USER_THROWS(l.slice(0, 1, 0), agora::value_error);
}

void searches_and_order(const agora::manager& m) {
  const auto l = m.list<std::string>("", {"b", "a", "c", "a"});
  USER_CHECK(l.index_of("a") == 1u && !l.index_of("x"));
  USER_CHECK(l.count("a") == 2 && l.contains("c") && !l.contains("x"));
  USER_CHECK(l.remove("a") && !l.remove("x"));
  l.sort();
  USER_CHECK((l.copy() == std::vector<std::string>{"a", "b", "c"}));
  l.sort(true);
  l.reverse();
  l.extend({"d", "e"});
  std::string all;
  for (const auto& word : l) all += word;
  USER_CHECK(all == "abcde");
  l.repeat(2);
  USER_CHECK(l.size() == 10);
  std::ostringstream text;
  text << m.list<int>("", {1, 2});
  USER_CHECK(text.str() == "[1,2]");
}

void objects_in_lists(const agora::manager& m) {
  const auto outer = m.list<agora::reference>();
  outer.push_back(m.dict<std::string, int>("", {{"a", 1}}));
  const auto inner = m.dict<std::string, int>(outer.at(0));
  USER_CHECK(inner.at("a") == 1);
}

}  // namespace

int main() {
  return user::run([] {
    const agora::manager m;
    ends(m);
    places(m);
    slices(m);
    searches_and_order(m);
    objects_in_lists(m);
  });
}
