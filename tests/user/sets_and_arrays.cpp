// SPDX-License-Identifier: MIT

// set algebra, attributes of a namespace, and arrays of numbers.
#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

using namespace std::chrono_literals;

namespace {

std::vector<int> sorted(std::vector<int> values) {
  std::ranges::sort(values);
  return values;
}

void algebra(const agora::manager& m) {
  const auto a = m.set<int>("a", {1, 2, 3});
  const auto b = m.set<int>("b", {2, 3, 4});
  USER_CHECK(a.insert(5) && !a.insert(5) && a.erase(5) == 1 && a.erase(5) == 0);
  USER_CHECK(a.contains(1) && !a.contains(4) && a.size() == 3 && !a.empty());
  USER_CHECK(sorted(a.union_with(b)) == (std::vector{1, 2, 3, 4}));
  USER_CHECK(sorted(a.intersection_with({3, 9})) == (std::vector{3}));
  USER_CHECK(sorted(a.difference_with(std::set<int>{1, 2})) == (std::vector{3}));
  USER_CHECK(sorted(a.symmetric_difference_with(b)) == (std::vector{1, 4}));
  USER_CHECK(a.is_subset_of({1, 2, 3, 4}) && !a.is_subset_of(b) && a.is_superset_of({1}));
  USER_CHECK(a.is_disjoint_from({7}) && !a.is_disjoint_from(b));
  a.update({10, 11});
  a.intersection_update({1, 2, 10});
  a.difference_update(b);
  a.symmetric_difference_update({1, 7});
  USER_CHECK(sorted(a.items()) == (std::vector{7, 10}));
  int sum = 0;
  for (const int value : a) sum += value;
  USER_CHECK(sum == 17);
  USER_THROWS(a.remove(1), std::out_of_range);
  a.remove(7);
  USER_CHECK(a.pop() == 10 && a.empty());
  USER_THROWS(a.pop(), agora::key_error);
  USER_CHECK(b.async_union_with(std::vector{1}, asio::use_future).get().size() == 4);
  USER_CHECK(b.async_erase(2, asio::use_future).get() && b.size() == 2);
  b.clear();
  USER_CHECK(b.empty());
  USER_THROWS(m.set<agora::any>().insert(std::map<std::string, int>{}), agora::type_error);
}

void attributes(const agora::manager& m) {
  const auto ns = m.namespace_("ns", {{"x", 1}});
  ns["name"] = "agora";
  ns["list"] = std::vector<int>{1, 2};
  const int x = ns["x"];
  const std::string name = ns["name"];
  USER_CHECK(x == 1 && name == "agora" && ns["x"] == 1 && ns["name"] == "agora");
  USER_CHECK(ns.get<std::vector<int>>("list").size() == 2);
  ns["y"] = ns["x"];
  USER_CHECK(ns["y"].get<int>() == 1);
  USER_CHECK((ns.attributes() == std::vector<std::string>{"x", "name", "list", "y"}));
  USER_CHECK(ns.contains("y") && ns.erase("y") && !ns.erase("y") && !ns.contains("y"));
  USER_THROWS(ns.get("y"), agora::attribute_error);
  USER_THROWS(ns.get("y"), std::out_of_range);
  USER_THROWS(ns.get<int>("name"), agora::type_error);
  agora::process child([=] { ns["from child"] = 2.5; });
  child.join();
  USER_CHECK(ns["from child"] == 2.5);
  USER_CHECK(ns.async_get<int>("x", asio::use_future).get() == 1);
  USER_CHECK(!ns.async_erase("none", asio::use_future).get());
}

template <typename T>
void numbers(const agora::manager& m) {
  const auto a = m.array<T>("", std::vector<T>{1, 2, 3});
  USER_CHECK(a.size() == 3 && a.load(0) == 1 && a[-1] == 3);
  a[1] = 20;
  USER_CHECK(++a[1] == 21 && (a[1] -= 20) == 1 && (a[1] += 1) == 2);
  T expected = 7;
  USER_CHECK(!a.compare_exchange(0, expected, 9) && expected == 1);
  USER_CHECK(a.compare_exchange(0, expected, 9) && a.load(0) == 9);
  a.set_slice(0, 2, {}, {5, 6});
  USER_CHECK((a.slice(0, 2) == std::vector<T>{5, 6}));
  T sum = 0;
  for (const T value : a) sum = static_cast<T>(sum + value);
  USER_CHECK(sum == 14);
  a.fill(4);
  USER_CHECK((a.copy() == std::vector<T>{4, 4, 4}));
  USER_THROWS(a.load(3), std::out_of_range);
  USER_THROWS(a.set_slice(0, 2, {}, {5}), agora::value_error);
  USER_CHECK(a.async_add(0, 1, asio::use_future).get() == 5);
}

void as_atomics(const agora::manager& m) {
  const auto a = m.array<std::uint8_t>("wraps", 2);
  USER_CHECK(a.fetch_sub(0, 1) == 0 && a.load(0) == 255 && a.fetch_add(0, 3) == 255);
  USER_CHECK(a.load(0) == 2 && a.load(1) == 0);
  const auto flags = m.array<bool>("flags", 3);
  flags[2] = true;
  USER_CHECK(flags.load(2) && !flags.load(0));
  const auto shared = m.array<int>("shared", 4);
  std::vector<agora::process> children;
  for (int n = 0; n < 4; ++n) {
    children.emplace_back([=] {
      for (int i = 0; i < 100; ++i) ++shared[i % 4];
    });
  }
  for (auto& child : children) child.join();
  USER_CHECK((shared.copy() == std::vector<int>{100, 100, 100, 100}));
}

/// Arrays beyond the bounds of one message: made, read and filled in slices.
void large_arrays(const agora::manager& m) {
  std::vector<std::int32_t> values(1'200'000);
  std::iota(values.begin(), values.end(), 0);
  const auto a = m.array<std::int32_t>("large", values);
  USER_CHECK(a.size() == values.size() && a.load(-1) == 1'199'999);
  USER_CHECK(a.copy() == values);
  USER_THROWS(static_cast<void>(a.slice()), agora::too_large);
  USER_CHECK((a.slice(65'535, 65'537) == std::vector<std::int32_t>{65'535, 65'536}));
  // The content of an array that exists already stays.
  USER_CHECK(m.array<std::int32_t>("large", std::vector<std::int32_t>(100'000)).load(7) == 7);
  constexpr std::int64_t kSize = 8'500'000;  // over 64 MiB
  for (const bool local : {false, true}) {
    const auto big = m.array<double>("", kSize, {.local = local});
    USER_CHECK(big.size() == kSize && big.load(kSize - 1) == 0);
    big.store(-1, 5);
    big.add(kSize / 2, 3);
    USER_CHECK(big.load(kSize - 1) == 5 && big.load(kSize / 2) == 3 && big.load(0) == 0);
    USER_THROWS(big.load(kSize), std::out_of_range);
    if (local) continue;
    big.fill(9);
    USER_CHECK(big.load(0) == 9 && big.load(kSize / 2) == 9 && big.load(-1) == 9);
  }
}

}  // namespace

int main() {
  return user::run([] {
    const agora::manager m;
    algebra(m);
    attributes(m);
    numbers<int>(m);
    numbers<std::int64_t>(m);
    numbers<double>(m);
    as_atomics(m);
    large_arrays(m);
  });
}
