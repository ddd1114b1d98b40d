// SPDX-License-Identifier: MIT

#include "shared/wire/json_read.hpp"

#include <string>

#include <nlohmann/json.hpp>
#include <rapidcheck.h>

#include "shared/value/utf8.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/shared/wire/wire_samples.hpp"

using namespace agora;
using test::json_again;
using test::nested;
using test::packed_of;
using namespace std::string_literals;

namespace {

template <typename Write>
std::string written(Write write) {
  std::string out;
  Writer writer(out);
  write(writer);
  return out;
}

Error error_of(std::string_view text) {
  Budget budget{Limits{}};
  std::string out = "before";
  const auto done = json_to_packed(text, out, budget);
  REQUIRE_FALSE(done);
  CHECK(out == "before");
  return done.error();
}

}  // namespace

TEST_CASE("json reader: scalars become values of their kind", "[wire]") {
  CHECK(packed_of("null") == "\xc0");
  CHECK(packed_of(" true ") == "\xc3");
  CHECK(packed_of("\t\r\nfalse") == "\xc2");
  CHECK(packed_of(R"("x")") == "\xa1x");
  CHECK(packed_of(R"("\u00e9\ud83d\ude00\n\/")") ==
        written([](Writer& w) { w.text("\u00e9\U0001f600\n/"); }));
  CHECK(packed_of(R"("\u0000")") == "\xa1\0"s);
}

TEST_CASE("json reader: a number without point and exponent is an int, any other a float",
          "[wire]") {
  const auto integer = [](std::int64_t v) { return written([v](Writer& w) { w.integer(v); }); };
  const auto real = [](double v) { return written([v](Writer& w) { w.real(v); }); };
  CHECK(packed_of("0") == integer(0));
  CHECK(packed_of("-0") == integer(0));
  CHECK(packed_of("-9223372036854775808") == integer(std::numeric_limits<std::int64_t>::min()));
  CHECK(packed_of("18446744073709551615") == "\xcf\xff\xff\xff\xff\xff\xff\xff\xff");
  CHECK(packed_of("1.0") == real(1));
  CHECK(packed_of("1e3") == real(1000));
  CHECK(packed_of("1E+2") == real(100));
  CHECK(packed_of("-0.0") == real(-0.0));
  CHECK(packed_of("1e-400") == real(0));
  CHECK(packed_of("1.7976931348623157e308") == real(1.7976931348623157e308));
}

TEST_CASE("json reader: a number out of range is a value error, never rounded", "[wire]") {
  for (const std::string& text :
       {"18446744073709551616"s, "-9223372036854775809"s, "1e400"s, "-1e400"s, "1.5e309"s,
        "[1,{\"a\":1e999}]"s, std::string(400, '9'), "-" + std::string(1'000'000, '9'),
        "[1e400,18446744073709551616,1e400]"s, "1" + std::string(400, '0') + ".5"}) {
    CHECK(packed_of(text) == "error: ValueError");
  }
  CHECK(packed_of("[\"1e400\",\"\\\"1e400\"]") == packed_of(R"(["1e400","\"1e400"])"));
  CHECK(packed_of("[1e400,1e-99999999999999999999]") == "error: ValueError");
  CHECK(packed_of("[1E+99999999999999999999]") == "error: ValueError");
  CHECK(packed_of("0." + std::string(400, '0') + "1e401") == packed_of("1.0"));
}

TEST_CASE("json reader: a syntax error behind a number out of range is found", "[wire]") {
  for (const char* text : {"[1e400,]", "[1e400", "01e400", "1e400.5", "[1e400 2]", "{\"a\":1e400}}",
                           "-", "1.e400", "[1e400,\"\\x\"]", "[1e400,1e400.5]"}) {
    INFO(text);
    CHECK(packed_of(text) == "error: ParseError");
  }
}

TEST_CASE("json reader: text that RFC 8259 forbids is a parse error", "[wire]") {
  const std::string samples[] = {"",
                                 " ",
                                 "nul",
                                 "tru",
                                 "True",
                                 "NaN",
                                 "Infinity",
                                 "-Infinity",
                                 "nan",
                                 "'a'",
                                 "a",
                                 "[1,]",
                                 "{\"a\":1,}",
                                 "[,1]",
                                 "[1 2]",
                                 "{\"a\" 1}",
                                 "{1:2}",
                                 "{a:1}",
                                 "[",
                                 "{",
                                 "\"",
                                 "[1",
                                 "]",
                                 "{\"a\":1",
                                 "1 2",
                                 "{}{}",
                                 "[] x",
                                 "// c\n1",
                                 "1 /* c */",
                                 "#1",
                                 "\xef\xbb\xbf{}",
                                 "\xff\xfe{\0}\0"s,
                                 "{\0\"\0"s,
                                 "1\0"s,
                                 "[1]\0x"s,
                                 "\"a\0b\""s,
                                 "01",
                                 "+1",
                                 ".5",
                                 "1.",
                                 "1e",
                                 "--1",
                                 "0x10",
                                 "\"\n\"",
                                 "\"\t\"",
                                 "\"\\x41\"",
                                 "\"\\u12\"",
                                 "\"\\ud800\"",
                                 "\"\\udc00\"",
                                 "\"\\ud800\\u0041\"",
                                 "\"\xff\"",
                                 "\"\xc0\xaf\"",
                                 "\"\xed\xa0\x80\"",
                                 "\"\xf4\x90\x80\x80\"",
                                 "\"\xc3\"",
                                 "{\"\xff\":1}",
                                 "\x94\x00\x01"s};
  for (const std::string& sample : samples) {
    CAPTURE(sample);
    CHECK(packed_of(sample) == "error: ParseError");
  }
}

TEST_CASE("json reader: a parse error has reason and position and does not echo the input",
          "[wire]") {
  const Error error = error_of("[1,\xff]");
  CHECK(error.code == Errc::parse_error);
  CHECK(error.message.find("at byte 4") != std::string::npos);
  CHECK(is_utf8(error.message));
  REQUIRE(error.details.size() == 1);
  CHECK(error.details[0].name == "position");
  CHECK(test::json_of(error.details[0].packed) == "4");
  CHECK(error_of("[1 2]").message.find("expected ']'") != std::string::npos);
}

TEST_CASE("json reader: a parse error names the form that JSON has for it", "[wire]") {
  const auto way_out = [](const char* text) {
    const std::string message = error_of(text).message;
    const std::size_t at = message.find("; ", message.find(" at byte "));
    return at == std::string::npos ? std::string() : message.substr(at + 2);
  };
  for (const char* text : {"NaN", "[NaN]", R"({"a":nan})", "[ NAN ]"}) {
    INFO(text);
    CHECK(way_out(text) == R"(NaN is written {"$float":"nan"})");
  }
  for (const char* text : {"Infinity", "[1,inf]", R"({"a": Infinity })"}) {
    INFO(text);
    CHECK(way_out(text) == R"(infinity is written {"$float":"inf"})");
  }
  CHECK(way_out("[-Infinity]") == R"(-infinity is written {"$float":"-inf"})");
  CHECK(way_out("[None]") == "the absent value is written null");
  CHECK(way_out("[True]") == "true is written in lower case");
  CHECK(way_out("{'a':1}") == "text stands in double quotes");
  CHECK(way_out("[1] // x") == "there are no comments");
  CHECK(way_out("[1,]") == "there is no comma before a closing bracket");
  for (const char* text : {"{", R"({"id":1,)", "[1,2", R"("ab)"}) {
    INFO(text);
    CHECK(way_out(text) ==
          "a message is one line: write it without line breaks, and end it with one");
  }
  CHECK(way_out("[1 2]").empty());
  CHECK(way_out("[nix]").empty());
}

TEST_CASE("json reader: arrays and objects keep their order", "[wire]") {
  CHECK(json_again(R"( { "b" : [ 1 , 2 ] , "a" : { } , "" : [ ] } )") ==
        R"({"b":[1,2],"a":{},"":[]})");
}

TEST_CASE("json reader: lists and maps of every size get the shortest header", "[wire]") {
  for (const std::size_t count : {0U, 1U, 15U, 16U, 17U, 65535U, 65536U}) {
    std::string list;
    std::string map;
    for (std::size_t i = 0; i < count; ++i) {
      list += i == 0 ? "1" : ",1";
      map += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":2";
    }
    const auto expected_list = written([count](Writer& w) {
      w.list(static_cast<std::uint32_t>(count));
      for (std::size_t i = 0; i < count; ++i) w.integer(1);
    });
    CHECK((packed_of("[" + list + "]") == expected_list));
    CHECK((json_again("{" + map + "}") == "{" + map + "}"));
  }
}

TEST_CASE("json reader: duplicate keys are a value error at any level", "[wire]") {
  CHECK(packed_of(R"({"a":1,"a":1})") == "error: ValueError");
  CHECK(packed_of(R"([{"x":{"a":1,"b":2,"\u0061":3}}])") == "error: ValueError");
  CHECK(packed_of(R"([{"a":1},{"a":1}])") != "error: ValueError");
}

TEST_CASE("extended json: a tag is decoded if it is the only key", "[wire]") {
  CHECK(packed_of(R"({"$bytes":""})") == "\xc4\0"s);
  CHECK(packed_of(R"({"$bytes":"Zm9v"})") == written([](Writer& w) { w.bytes("foo"); }));
  CHECK(packed_of(R"({"$ref":"jobs"})") == written([](Writer& w) { w.reference("jobs"); }));
  CHECK(packed_of(R"({"$float":"inf"})") == "\xcb\x7f\xf0\0\0\0\0\0\0"s);
  CHECK(packed_of(R"({"$float":"-inf"})") == "\xcb\xff\xf0\0\0\0\0\0\0"s);
  CHECK(packed_of(R"({"$float":"nan"})") == "\xcb\x7f\xf8\0\0\0\0\0\0"s);
  CHECK(packed_of(R"({"$map":[]})") == "\x80");
  CHECK(packed_of(R"({"$map":[[1,"a"],[null,{"$map":[[true,[]]]}]]})") ==
        "\x82\x01\xa1"
        "a\xc0\x81\xc3\x90");
  CHECK(packed_of(R"({"$map":[[[1,2],{"a":1}]]})") ==
        "\x81\x92\x01\x02\x81\xa1"
        "a\x01");
  const auto opaque = written([](Writer& w) {
    w.opaque(
        "\x92\xc4\x02hi\x92\xd4\x01"
        "a\xd4\x01"
        "b");
  });
  CHECK(packed_of(R"({"$opaque":["aGk=",[{"$ref":"a"},"b"]]})") == opaque);
}

TEST_CASE("extended json: a tag beside another key and an unknown tag are ordinary keys",
          "[wire]") {
  for (const char* text :
       {R"({"$bytes":"!","x":1})", R"({"x":1,"$ref":2})", R"({"$else":1})", R"({"$":{}})",
        R"({"$Map":[]})", R"({"$ref":1,"$bytes":2})", R"({"a":{"$x":[{"$y":{}}]}})"}) {
    INFO(text);
    CHECK(json_again(text) == text);
  }
}

TEST_CASE("extended json: a malformed tagged object is a value error", "[wire]") {
  for (const char* text : {R"({"$bytes":"Zg"})",
                           R"({"$bytes":1})",
                           R"({"$bytes":[]})",
                           R"({"$bytes":"Zg==\n"})",
                           R"({"$ref":1})",
                           R"({"$ref":null})",
                           R"({"$ref":{"$ref":"a"}})",
                           R"({"$float":"NaN"})",
                           R"({"$float":1.5})",
                           R"({"$float":"1"})",
                           R"({"$map":{}})",
                           R"({"$map":1})",
                           R"({"$map":[1]})",
                           R"({"$map":[[1]]})",
                           R"({"$map":[[1,2,3]]})",
                           R"({"$map":[[1,2],3]})",
                           R"({"$map":[[1,2],[1,3]]})",
                           R"({"$map":[[1,2],[1.0,3]]})",
                           R"({"$map":[["a",2],["a",3]]})",
                           R"({"$opaque":"aGk="})",
                           R"({"$opaque":["aGk="]})",
                           R"({"$opaque":["aGk=",[],1]})",
                           R"({"$opaque":["aG",[]]})",
                           R"({"$opaque":[1,[]]})",
                           R"({"$opaque":["aGk=",[1]]})",
                           R"({"$opaque":["aGk=",{"$ref":"a"}]})",
                           R"({"$opaque":["aGk=",[{"$bytes":""}]]})",
                           R"({"$opaque":["aGk=",[{"$ref":[]}]]})",
                           R"([[{"a":{"$ref":7}}]])"}) {
    INFO(text);
    CHECK(packed_of(text) == "error: ValueError");
  }
  CHECK(packed_of(R"({"$map":[[{"a":1},2]]})") == "error: TypeError");
}

TEST_CASE("json reader: depth is that of the value, not that of its text", "[wire]") {
  const auto map_of_maps = [](std::size_t levels) {
    std::string text = "0";
    for (std::size_t i = 0; i < levels; ++i) text = "{\"$map\":[[1," + text + "]]}";
    return text;
  };
  CHECK(json_again(nested(64)) == nested(64));
  CHECK(packed_of(nested(65)) == "error: TooLarge");
  CHECK(json_again(map_of_maps(64)) == map_of_maps(64));
  CHECK(packed_of(map_of_maps(65)) == "error: TooLarge");
  CHECK(json_again(nested(64, R"({"$opaque":["aGk=",[{"$ref":"a"}]]})")) ==
        nested(64, R"({"$opaque":["aGk=",[{"$ref":"a"}]]})"));
}

TEST_CASE("json reader: hostile nesting is refused without a deep stack", "[wire]") {
  CHECK(packed_of(nested(1'000'000)) == "error: TooLarge");
  CHECK(packed_of(std::string(1'000'000, '[')) == "error: ParseError");
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  CHECK(packed_of(objects + "1" + std::string(100'000, '}')) == "error: TooLarge");
  CHECK(packed_of("[" + nested(1000, R"({"a":[1,"b"]})") + ",1]") == "error: TooLarge");
}

TEST_CASE("json reader: values that share a budget share its elements", "[wire]") {
  Limits limits;
  limits.elements_max = 6;
  Budget budget(limits);
  std::string out;
  CHECK(json_to_packed("[1,2]", out, budget));
  CHECK(json_to_packed("[1,2]", out, budget));
  const auto refused = json_to_packed("1", out, budget);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::too_large);
}

TEST_CASE("json reader: parsing stops beyond the elements that a value may have", "[wire]") {
  Limits limits;
  limits.elements_max = 10;
  const auto code = [&](const std::string& text) {
    Budget budget(limits);
    std::string out;
    const auto done = json_to_packed(text, out, budget);
    return done ? Errc{} : done.error().code;
  };
  const std::string bytes = R"({"$bytes":""},{"$bytes":""},{"$bytes":""})";
  CHECK(code("[" + bytes + "," + bytes + "," + bytes + "]") == Errc{});
  CHECK(code("[" + bytes + "," + bytes + "," + bytes + ",1]") == Errc::too_large);
  std::string many;
  for (int i = 0; i < 200; ++i) many += "[1],";
  CHECK(code("[" + many + "no JSON any more") == Errc::too_large);
  CHECK(code("[no JSON at all" + many) == Errc::parse_error);
}

TEST_CASE("json reader: agrees with nlohmann", "[wire]") {
  CHECK(rc::check("same value", [] {
    const auto seed = *rc::gen::noShrink(rc::gen::arbitrary<std::uint64_t>());
    std::string original;
    Writer writer(original);
    test::ValueMaker(seed).plain(writer, 3);
    const auto tree = nlohmann::json::from_msgpack(original);
    const int indent = *rc::gen::inRange(-1, 3);
    const bool ascii = *rc::gen::arbitrary<bool>();
    const std::string packed = packed_of(tree.dump(indent, ' ', ascii));
    RC_ASSERT(nlohmann::json::from_msgpack(packed).dump() == tree.dump());
  }));
}

TEST_CASE("json reader: accepts random text if and only if nlohmann does", "[wire]") {
  CHECK(rc::check("same verdict", [] {
    const auto text = *rc::gen::container<std::string>(rc::gen::element(
        '[', ']', '{', '}', ',', ':', '"', '1', '-', '0', '.', 'e', ' ', '\\', 'u'));
    const bool taken = packed_of(text) != "error: ParseError";
    RC_ASSERT(taken == nlohmann::json::accept(text));
  }));
}

TEST_CASE("is_json_number: accepts the JSON numbers only", "[wire]") {
  for (const char* text : {"0", "-0", "1", "-12", "1.5", "1e3", "1E-3", "1.25e+30"}) {
    INFO(text);
    CHECK(is_json_number(text));
  }
  for (const char* text :
       {"", "-", "+1", "01", "1.", ".5", "1e", "1e+", "1a", "1 ", "0x1", "1.e3"}) {
    INFO(text);
    CHECK_FALSE(is_json_number(text));
  }
}
