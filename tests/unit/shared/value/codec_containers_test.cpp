// SPDX-License-Identifier: MIT

#include "shared/value/codec_containers.hpp"

#include <array>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/unit/shared/value/random_values.hpp"
#include "tests/unit/shared/value/samples.hpp"

using namespace agora;
using namespace agora::test;

namespace {

template <typename T>
bool round_trips(const T& value) {
  auto back = unpack<T>(pack(value));
  return back && *back == value;
}

template <typename T>
std::string failure_of(const Packed& value) {
  auto result = unpack<T>(value);
  if (result) return "decoded";
  return std::string(type_name(result.error().code)) + ": " + result.error().message;
}

}  // namespace

TEST_CASE("container codecs: containers round-trip", "[value]") {
  CHECK(rc::check("round trips", [] {
    const std::string raw = random_bytes();
    const std::vector<int> list(raw.begin(), raw.end());
    RC_ASSERT(round_trips(list));
    RC_ASSERT(round_trips(std::deque<int>(raw.begin(), raw.end())));
    RC_ASSERT(round_trips(std::unordered_set<int>(raw.begin(), raw.end())));
    RC_ASSERT(round_trips(std::set<std::string>{random_text(), random_text()}));
    std::map<int, std::vector<std::string>> map;
    for (const int key : list) map[key].push_back(random_text());
    RC_ASSERT(round_trips(map));
    const std::unordered_map<int, std::vector<std::string>> hashed(map.begin(), map.end());
    RC_ASSERT(round_trips(hashed));
    std::vector<bool> bits;
    for (const int number : list) bits.push_back(number % 2 == 0);
    RC_ASSERT(round_trips(bits));
  }));
}

TEST_CASE("container codecs: fixed lists, pairs and tuples round-trip", "[value]") {
  CHECK(round_trips(std::array<int, 3>{1, 2, 3}));
  CHECK(round_trips(std::array<int, 0>{}));
  CHECK(round_trips(std::pair<std::string, int>{"x", 1}));
  CHECK(round_trips(std::tuple<int, std::string, std::optional<double>>{1, "x", {}}));
  CHECK(round_trips(std::tuple<>{}));
  CHECK(round_trips(std::vector<std::pair<int, std::map<std::string, bool>>>{{1, {{"x", true}}}}));
}

TEST_CASE("container codecs: containers encode as lists and maps", "[value]") {
  CHECK(pack(std::vector<int>{1, 2}).bytes() == bytes_of({0x92, 1, 2}));
  CHECK(pack(std::vector<std::uint8_t>{1, 2}).bytes() == bytes_of({0x92, 1, 2}));
  CHECK(pack(std::vector<bool>{true, false}).bytes() == bytes_of({0x92, 0xc3, 0xc2}));
  CHECK(pack(std::set<int>{2, 1}).bytes() == bytes_of({0x92, 1, 2}));
  CHECK(pack(std::map<int, bool>{{5, true}}).bytes() == bytes_of({0x81, 5, 0xc3}));
  CHECK(pack(std::pair<int, bool>{5, true}).bytes() == bytes_of({0x92, 5, 0xc3}));
  CHECK(pack(std::tuple<>{}).bytes() == bytes_of({0x90}));
}

TEST_CASE("container codecs: names in messages name the element types", "[value]") {
  CHECK(Codec<std::vector<std::string>>::name() == "list of text");
  CHECK(Codec<std::set<double>>::name() == "list of float");
  CHECK(Codec<std::map<std::string, int>>::name() == "map of text to int");
  CHECK(Codec<std::pair<std::string, int>>::name() == "list (text, int)");
  CHECK(Codec<std::tuple<int, bool, std::vector<int>>>::name() == "list (int, bool, list of int)");
  CHECK(Codec<std::array<int, 3>>::name() == "list of 3 int");
}

TEST_CASE("container codecs: another kind is a type error that names the expected type",
          "[value]") {
  using Map = std::map<std::string, int>;
  CHECK(failure_of<std::vector<int>>(pack("x")) ==
        "TypeError: expected list of int, found text \"x\"");
  CHECK(failure_of<std::vector<int>>(pack(Map{})) == "TypeError: expected list of int, found map");
  CHECK(failure_of<Map>(pack(std::vector<int>{})) ==
        "TypeError: expected map of text to int, found list");
  CHECK(failure_of<std::pair<int, int>>(pack(1)) ==
        "TypeError: expected list (int, int), found int 1");
}

TEST_CASE("container codecs: an error inside a container names its position", "[value]") {
  const std::tuple<int, int, int, std::string> mixed{1, 2, 3, "x"};
  CHECK(failure_of<std::vector<int>>(pack(mixed)) ==
        "TypeError: element 3: expected int, found text \"x\"");
  CHECK(failure_of<std::set<int>>(pack(mixed)) ==
        "TypeError: element 3: expected int, found text \"x\"");
  CHECK(failure_of<std::array<int, 4>>(pack(mixed)) ==
        "TypeError: element 3: expected int, found text \"x\"");
  CHECK(failure_of<std::tuple<int, bool, std::string, int>>(pack(mixed)) ==
        "TypeError: element 1: expected bool, found int 2");
  const std::map<std::string, std::vector<int>> nested{{"ages", {1, 500}}};
  CHECK(failure_of<std::map<std::string, std::vector<std::int8_t>>>(pack(nested)) ==
        "ValueError: key text \"ages\": element 1: expected int from -128 to 127, found int 500");
  CHECK(failure_of<std::map<int, std::vector<int>>>(pack(nested)) ==
        "TypeError: key text \"ages\": expected int, found text \"ages\"");
}

TEST_CASE("container codecs: the length of fixed lists is checked", "[value]") {
  const Packed three = pack(std::vector<int>{1, 2, 3});
  CHECK(failure_of<std::pair<int, int>>(three) ==
        "TypeError: expected list (int, int), found list of length 3");
  CHECK(failure_of<std::array<int, 4>>(three) ==
        "TypeError: expected list of 4 int, found list of length 3");
  CHECK(failure_of<std::tuple<>>(three) == "TypeError: expected list (), found list of length 3");
}

TEST_CASE("container codecs: a false list header is refused before memory is reserved", "[value]") {
  const std::string lie = bytes_of({0xdd, 255, 255, 255, 255, 1});
  const auto result = unpack<std::vector<std::string>>(PackedView(lie));
  REQUIRE_FALSE(result);
  CHECK(result.error().message == "expected list of text, found nothing");
}
