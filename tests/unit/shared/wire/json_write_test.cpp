// SPDX-License-Identifier: MIT

#include "shared/wire/json_write.hpp"

#include <nlohmann/json.hpp>
#include <rapidcheck.h>

#include "tests/support/catch.hpp"
#include "tests/unit/shared/wire/wire_samples.hpp"

using namespace agora;
using test::json_of;
using test::packed_of;
using namespace std::string_literals;

namespace {

template <typename Write>
std::string json(Write write) {
  std::string packed;
  Writer writer(packed);
  write(writer);
  return json_of(packed);
}

std::string real(double value) {
  return json([value](Writer& w) { w.real(value); });
}

}  // namespace

TEST_CASE("json writer: scalars are JSON scalars", "[wire]") {
  CHECK(json_of("\xc0"s) == "null");
  CHECK(json_of("\xc2"s) == "false");
  CHECK(json_of("\xc3"s) == "true");
  CHECK(json([](Writer& w) { w.integer(-5); }) == "-5");
  CHECK(json([](Writer& w) { w.integer(std::numeric_limits<std::int64_t>::min()); }) ==
        "-9223372036854775808");
  CHECK(json([](Writer& w) { w.unsigned_integer(18446744073709551615U); }) ==
        "18446744073709551615");
}

TEST_CASE("json writer: floats round-trip as floats", "[wire]") {
  CHECK(real(2) == "2.0");
  CHECK(real(-0.0) == "-0.0");
  CHECK(real(0.1) == "0.1");
  CHECK(real(1e22) == "1e+22");
  CHECK(real(1e300) == "1e+300");
  CHECK(real(1e5) == "100000.0");
  CHECK(real(-1763672400.25) == "-1763672400.25");
  CHECK(real(1e15) == "1000000000000000.0");
  CHECK(real(1e16) == "1e+16");
  CHECK(real(0.00001) == "0.00001");
  CHECK(real(0.000001) == "1e-06");
  CHECK(real(5e-324) == "5e-324");
  CHECK(real(1.7976931348623157e308) == "1.7976931348623157e+308");
  CHECK(real(9007199254740992.0) == "9007199254740992.0");
  CHECK(real(std::numeric_limits<double>::quiet_NaN()) == R"({"$float":"nan"})");
  CHECK(real(-std::numeric_limits<double>::infinity()) == R"({"$float":"-inf"})");
  CHECK(real(std::numeric_limits<double>::infinity()) == R"({"$float":"inf"})");
  CHECK(rc::check("the same float comes back", [](double value) {
    std::string packed;
    Writer(packed).real(value);
    RC_ASSERT(packed_of(real(value)) == packed);
  }));
}

TEST_CASE("json writer: text is escaped only where JSON demands it", "[wire]") {
  std::string out;
  text_to_json("a\"b\\c/\b\f\n\r\t\x01\x1f\x7f\u00e9\u2028\U0001f600"s + "\0"s, out);
  CHECK(out == "\"a\\\"b\\\\c/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\u00e9\u2028\U0001f600\\u0000\"");
}

TEST_CASE("json writer: lists and maps are in order, without blanks", "[wire]") {
  CHECK(json_of("\x82\xa1"
                "b\x92\x01\x90\xa1"
                "a\x80"s) == R"({"b":[1,[]],"a":{}})");
  CHECK(json_of("\x90"s) == "[]");
  CHECK(json_of("\x93\xc0\x91\xc0\xc0"s) == "[null,[null],null]");
}

TEST_CASE("json writer: kinds that JSON lacks are extended JSON", "[wire]") {
  CHECK(json([](Writer& w) { w.bytes("foo"); }) == R"({"$bytes":"Zm9v"})");
  CHECK(json([](Writer& w) { w.reference("a\"b"); }) == R"({"$ref":"a\"b"})");
  CHECK(json([](Writer& w) {
          w.opaque(
              "\x92\xc4\x02hi\x92\xd4\x01"
              "a\xd4\x01"
              "b");
        }) == R"({"$opaque":["aGk=",[{"$ref":"a"},{"$ref":"b"}]]})");
  CHECK(json([](Writer& w) { w.opaque("\x92\xc4\x00\x90"s); }) == R"({"$opaque":["",[]]})");
}

TEST_CASE("json writer: a map that would be ambiguous as an object is a $map", "[wire]") {
  CHECK(json_of("\x81\x01\x02"s) == R"({"$map":[[1,2]]})");
  CHECK(json_of("\x82\xa1"
                "a\x01\x02\x03"s) == R"({"$map":[["a",1],[2,3]]})");
  CHECK(json_of("\x82\x01\x81\x02\x03\xa1"
                "a\x81\xa1"
                "b\x80"s) == R"({"$map":[[1,{"$map":[[2,3]]}],["a",{"b":{}}]]})");
  CHECK(json_of("\x81\x92\x01\x02\x80"s) == R"({"$map":[[[1,2],{}]]})");
  for (const char* word : {"$bytes", "$ref", "$map", "$float", "$opaque"}) {
    const std::string written = json([word](Writer& w) {
      w.map(1);
      w.text(word);
      w.null();
    });
    CHECK(written == "{\"$map\":[[\"" + std::string(word) + "\",null]]}");
  }
  CHECK(json_of("\x81\xa2$x\x01"s) == R"({"$x":1})");
  CHECK(json_of("\x82\xa4$ref\x01\xa1"
                "a\x02"s) == R"({"$ref":1,"a":2})");
}

TEST_CASE("json writer: malformed input ends as null", "[wire]") {
  CHECK(json_of(""s) == "null");
  CHECK(json_of("\xc1"s) == "null");
  CHECK(json_of("\x92\x01"s) == "null");
  CHECK(json_of("\x92\x01\xa5"
                "ab"s) == "[1,null]");
  CHECK(json_of("\x91\xd4\x05z"s) == "[null]");
  CHECK(json_of("\x91\xd4\x02z"s).starts_with(R"([{"$opaque":[)"));
}

TEST_CASE("json writer: nlohmann reads the same plain value", "[wire]") {
  CHECK(rc::check("same value", [] {
    const auto seed = *rc::gen::noShrink(rc::gen::arbitrary<std::uint64_t>());
    std::string packed;
    Writer writer(packed);
    test::ValueMaker(seed).plain(writer, 3);
    const std::string text = json_of(packed);
    RC_ASSERT(text.find('\n') == std::string::npos);
    RC_ASSERT(nlohmann::json::parse(text).dump() == nlohmann::json::from_msgpack(packed).dump());
  }));
}

TEST_CASE("json writer: every value round-trips through the reader", "[wire]") {
  CHECK(rc::check("same bytes", [] {
    const auto seed = *rc::gen::noShrink(rc::gen::arbitrary<std::uint64_t>());
    std::string packed;
    Writer writer(packed);
    test::ValueMaker(seed).any(writer, 4);
    RC_ASSERT(packed_of(json_of(packed)) == packed);
  }));
}

TEST_CASE("json writer: random bytes do not crash it", "[wire]") {
  CHECK(rc::check("text comes out",
                  [](const std::string& bytes) { RC_ASSERT(!json_of(bytes).empty()); }));
}

TEST_CASE("json writer: a value nested beyond all limits needs no deep stack", "[wire]") {
  const std::string deep = std::string(200'000, '\x91') + "\xc0";
  CHECK((json_of(deep) == test::nested(200'000, "null")));
}
