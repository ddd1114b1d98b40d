// SPDX-License-Identifier: MIT

// All operations of dict against a real server.
#include <chrono>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

using namespace std::chrono_literals;

namespace {

void reads_and_writes(const agora::manager& m) {
  const auto d = m.dict<std::string, int>("d", {{"a", 1}, {"b", 2}});
  USER_CHECK((m.dict<std::string, int>("d", {{"z", 9}}).size() == 2));  // opened, not created
  USER_CHECK(d.at("a") == 1 && d["b"] == 2);
  USER_CHECK(d.find("b") == 2 && !d.find("x"));
  USER_CHECK(d.get_or("x", 7) == 7);
  int out = 5;
  USER_CHECK(!d.get_into("x", out) && out == 5);
  USER_CHECK(d.get_into("a", out) && out == 1);
  USER_CHECK(d.contains("a") && !d.contains("x"));
  USER_THROWS(d["x"].get(), agora::key_error);
  USER_CHECK(d.size() == 2 && !d.empty());
  d.insert_or_assign("a", 3);
  USER_CHECK(d.get_or_insert("a", 9) == 3 && d.get_or_insert("c", 9) == 9);
  d.update({{"d", 4}, {"e", 5}});
  d.update(std::map<std::string, int>{{"f", 6}});
  USER_CHECK((d.keys() == std::vector<std::string>{"a", "b", "c", "d", "e", "f"}));
  USER_CHECK((d.values() == std::vector<int>{3, 2, 9, 4, 5, 6}));
  USER_CHECK((d.get_many({"a", "x", "f"}) == std::map<std::string, int>{{"a", 3}, {"f", 6}}));
  USER_CHECK((d.pop_item() == std::pair<std::string, int>{"f", 6}));
  USER_CHECK(d.pop("e") == 5 && d.pop("e", -1) == -1);
  USER_THROWS(d.pop("e"), agora::key_error);
  USER_CHECK(d.erase("d") == 1 && d.erase("d") == 0);
  USER_CHECK(d.erase_many({"c", "x"}) == 1);
  std::ostringstream text;
  text << d << ' ' << d["a"];
  USER_CHECK(text.str() == R"({"a":3,"b":2} 3)");
  d.clear();
  USER_CHECK(d.empty());
  USER_THROWS(d.pop_item(), agora::key_error);
}

void counts(const agora::manager& m) {
  const auto d = m.dict<std::string, long>();
  USER_CHECK(d.add("n") == 1 && d.add("n", 4) == 5 && d.add("k", 1, 10) == 11);
  USER_CHECK((d["n"] += 5) == 10 && (d["n"] -= 3) == 7 && ++d["n"] == 8 && --d["n"] == 7);
  USER_CHECK(d.compare_and_set("n", 7, 70) && !d.compare_and_set("n", 7, 71));
  USER_CHECK(!d.compare_and_set("absent", 0, 1) && !d.contains("absent"));
  const auto reals = m.dict<int, double>();
  USER_CHECK((reals[1] += 0.5) == 0.5 && (reals[1] -= 1) == -0.5);
  const auto bytes = m.dict<int, unsigned char>();
  bytes[1] = 255;
  USER_CHECK((bytes[1] -= 5) == 250);
  const auto words = m.dict<int, std::string>();
  words[1] = "one";
  USER_THROWS(m.dict<int>(words).add(1, 1), agora::type_error);
}

void walks_over_a_snapshot(const agora::manager& m) {
  const auto d = m.dict<int, int>("", {{1, 10}, {2, 20}});
  int sum = 0;
  for (const auto& [key, number] : d) {
    sum += key * number;
    d.erase(key);
  }
  USER_CHECK(sum == 50 && d.empty());
}

void waits_for_keys(const agora::manager& m) {
  const auto d = m.dict<std::string, int>();
  USER_CHECK(!d.wait_for("later", 1ms));
  std::thread writer([d] { d["later"] = 5; });
  USER_CHECK(d.wait("later") == 5);
  writer.join();
  USER_CHECK(d.wait_for("later", 10s) == 5);
}

void holds_any_kind(const agora::manager& m) {
  const auto d = m.dict("mixed");
  d["list"] = std::vector<int>{1, 2};
  d[1.5] = nullptr;
  d[std::pair(1, "x")] = true;
  d["other"] = d["list"];
  d["self"] = d;
  USER_CHECK(*d.at("other").get<std::vector<int>>() == std::vector({1, 2}));
  USER_CHECK(*d.at("self").get<agora::reference>() == agora::reference(d));
  USER_CHECK(d.at(1.5).is_null() && d.contains(std::pair(1, "x")));
  USER_THROWS((d[std::map<int, int>{}] = 1), agora::type_error);
}

}  // namespace

int main() {
  return user::run([] {
    const agora::manager m;
    reads_and_writes(m);
    counts(m);
    walks_over_a_snapshot(m);
    waits_for_keys(m);
    holds_any_kind(m);
  });
}
