// SPDX-License-Identifier: MIT

#include <string>
#include <vector>

#include <agora/error.hpp>
#include <agora/json.hpp>

#include "shared/value/any.hpp"
#include "tests/support/catch.hpp"

using namespace agora;
using nlohmann::json;

namespace {

struct Point {
  int x = 0;
  double y = 0;
  std::vector<std::string> tags;
  bool operator==(const Point&) const = default;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Point, x, y, tags)
};

enum class Colour { red, green };
NLOHMANN_JSON_SERIALIZE_ENUM(Colour, {{Colour::red, "red"}, {Colour::green, "green"}})

}  // namespace

TEST_CASE("json: a type with nlohmann's macro is a value, alone and inside containers",
          "[client]") {
  const Point point{3, 2.0, {"a", "b"}};
  CHECK(*unpack<Point>(pack(point)) == point);
  const std::vector<Point> many{point, {}};
  CHECK(*unpack<std::vector<Point>>(pack(many)) == many);
  CHECK(any(point).packed().kind() == Kind::map);
  CHECK(*unpack<Colour>(pack(Colour::green)) == Colour::green);
}

TEST_CASE("json: a value that does not match the type is a type_error", "[client]") {
  for (const any& wrong : {any(1), any("x"), any(std::map<std::string, int>{{"x", 1}}),
                           any(std::map<int, int>{{1, 1}}), any(reference{"d"})}) {
    const auto point = unpack<Point>(wrong.packed());
    REQUIRE_FALSE(point);
    CHECK(point.error().code == Errc::type_error);
  }
}

TEST_CASE("json: a document keeps its kinds in a round trip", "[client]") {
  const json document = {{"null", nullptr},
                         {"true", true},
                         {"low", INT64_MIN},
                         {"high", UINT64_MAX},
                         {"real", 2.0},
                         {"text", "\u00e4"},
                         {"bytes", json::binary({1, 2, 255})},
                         {"list", {1, json::object(), json::array()}}};
  const auto back = unpack<json>(pack(document));
  REQUIRE(back);
  CHECK(*back == document);
  CHECK((*back)["real"].is_number_float());
  CHECK((*back)["bytes"].is_binary());
}

TEST_CASE("json: a document that cannot be a value is refused before it is sent", "[client]") {
  json deep;
  for (int i = 0; i < 100; ++i) deep = json::array({deep});
  CHECK_THROWS_AS(pack(deep), value_error);
  CHECK_THROWS_AS(pack(json("\xff")), value_error);
  std::string packed;
  for (int i = 0; i < 100; ++i) Writer(packed).list(1);
  Writer(packed).null();
  CHECK_FALSE(unpack<json>(PackedView(packed)));
}
