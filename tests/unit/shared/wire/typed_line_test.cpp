// SPDX-License-Identifier: MIT

#include "shared/wire/typed_line.hpp"

#include <array>
#include <string>

#include <rapidcheck.h>

#include "shared/value/utf8.hpp"
#include "shared/wire/error_data.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/shared/wire/wire_samples.hpp"

using namespace agora;
using test::json_of;

namespace {

constexpr std::array kDictSet{ParameterHint{"name", true}, ParameterHint{"key"},
                              ParameterHint{"value"}};
constexpr std::array kQueueGet{ParameterHint{"name", true}, ParameterHint{"timeout"}};
constexpr std::array kCreate{ParameterHint{"type", true}, ParameterHint{"name", true},
                             ParameterHint{"args"}, ParameterHint{"options"}};

MethodHint hint_of(std::string_view method) {
  if (method == "dict.set") return {kDictSet, false};
  if (method == "queue.get") return {kQueueGet, false};
  if (method == "object.create") return {kCreate, true};
  return {};
}

std::string decoded(std::string_view line, const Limits& limits = Limits{}) {
  std::string out = "old";
  const auto request = decode_typed_line(line, hint_of(typed_method(line)), limits, out);
  if (!request) {
    return std::string(type_name(request.error().code)) + ": " + request.error().message;
  }
  CHECK(request->method == typed_method(line));
  CHECK_FALSE(request->id.present());
  return json_of(request->params);
}

// Returns the value of an argument of a parameter that takes any value.
std::string argument(const std::string& text) {
  std::string list = decoded("x " + text);
  return list.starts_with('[') ? list.substr(1, list.size() - 2) : list;
}

}  // namespace

TEST_CASE("typed line: the first token is the method", "[wire]") {
  CHECK(typed_method("ping") == "ping");
  CHECK(typed_method("  dict.set jobs k 1") == "dict.set");
  CHECK(typed_method("quit\t") == "quit");
  CHECK(typed_method("?") == "help");
  CHECK(typed_method("? queue.get") == "help");
  CHECK(typed_method("?queue") == "help");
  CHECK(typed_method("").empty());
  CHECK(typed_method(" \t ").empty());
}

TEST_CASE("typed line: arguments are parameters by position", "[wire]") {
  CHECK(decoded("ping") == "[]");
  CHECK(decoded("ping  \t ") == "[]");
  CHECK(decoded("dict.set jobs k 1") == R"(["jobs","k",1])");
  CHECK(decoded("\tdict.set\tjobs  k   1 ") == R"(["jobs","k",1])");
  CHECK(decoded("? queue.get") == R"(["queue.get"])");
  CHECK(decoded("?queue.get") == R"(["queue.get"])");
}

TEST_CASE("typed line: an argument that is a JSON literal has that value, any other is text",
          "[wire]") {
  for (const char* literal : {"5", "-5", "0", "1.5", "true", "false", "null", "\"x y\"", "\"\"",
                              "[]", "{}", "[1,[2]]", R"({"a":[1,2]})", R"("\"")", R"("]")",
                              R"(["]","}","\""])", R"({"$ref":"x"})", R"({"$bytes":"Zg=="})"}) {
    INFO(literal);
    CHECK(argument(literal) == literal);
  }
  CHECK(argument("1e3") == "1000.0");
  CHECK(argument("-0") == "0");
  CHECK(argument("[1, 2]") == "[1,2]");
  CHECK(argument(R"({ "a" : "b c" })") == R"({"a":"b c"})");
  for (const char* text :
       {"1abc", "abc", "True", "nul", "nulls",  "NaN", "+5", ".5",  "01", "1.",   "-",  "a\"b",
        "a[0]", "x}",  "'a'",  "#17", "\u00e9", "a=b", "=",  "a:b", "//", "0x10", "1,5"}) {
    INFO(text);
    std::string quoted;
    text_to_json(text, quoted);
    CHECK(argument(text) == quoted);
  }
}

TEST_CASE("typed line: text parameters take the argument verbatim", "[wire]") {
  CHECK(decoded("dict.set 1 2 3") == R"(["1",2,3])");
  CHECK(decoded("dict.set null true x") == R"(["null",true,"x"])");
  CHECK(decoded("dict.set [x {} []") == R"(["[x",{},[]])");
  CHECK(decoded(R"(dict.set {"$ref":"d"} 1 2)") == R"(["{\"$ref\":\"d\"}",1,2])");
  CHECK(decoded(R"(dict.set "my jobs" k 1)") == R"(["my jobs","k",1])");
  CHECK(decoded(R"(dict.set "\u0031" k 1)") == R"(["1","k",1])");
  CHECK(decoded("dict.set name=5 key=5 value=5") == R"({"name":"5","key":5,"value":5})");
}

TEST_CASE("typed line: x=y is named only if the method has a parameter x", "[wire]") {
  CHECK(decoded("queue.get tasks timeout=2") == R"({"name":"tasks","timeout":2})");
  CHECK(decoded("queue.get timeout=2 tasks") == R"({"name":"tasks","timeout":2})");
  CHECK(decoded("queue.get timeout=null name=tasks") == R"({"timeout":null,"name":"tasks"})");
  CHECK(decoded("dict.set jobs a=b x=1") == R"(["jobs","a=b","x=1"])");
  CHECK(decoded("dict.set jobs k value=a=b") == R"({"name":"jobs","key":"k","value":"a=b"})");
  CHECK(decoded("dict.set jobs k value=") == R"({"name":"jobs","key":"k","value":""})");
  CHECK(decoded(R"(dict.set jobs k value="a b")") == R"({"name":"jobs","key":"k","value":"a b"})");
  CHECK(decoded("dict.set jobs k value=[1, 2]") == R"({"name":"jobs","key":"k","value":[1,2]})");
  CHECK(decoded(R"(dict.set jobs "key=1" 2)") == R"(["jobs","key=1",2])");
  CHECK(decoded("unknown.method a=1") == R"(["a=1"])");
}

TEST_CASE("typed line: every method takes a guard by name", "[wire]") {
  CHECK(decoded(R"(dict.set d k 1 guard=["l", 5])") ==
        R"({"name":"d","key":"k","value":1,"guard":["l",5]})");
}

TEST_CASE("typed line: free options become entries of the parameter options", "[wire]") {
  CHECK(decoded("object.create queue tasks maxsize=10") ==
        R"({"type":"queue","name":"tasks","options":{"maxsize":10}})");
  CHECK(decoded("object.create order=lifo queue exist_ok=false") ==
        R"({"type":"queue","options":{"order":"lifo","exist_ok":false}})");
  CHECK(decoded("object.create dict d [[1,2]]") == R"(["dict","d",[[1,2]]])");
  CHECK(decoded(R"(object.create dict name=d options={"ttl":5})") ==
        R"({"type":"dict","name":"d","options":{"ttl":5}})");
}

TEST_CASE("typed line: a parameter given twice is refused", "[wire]") {
  CHECK(decoded("queue.get q timeout=1 timeout=2") ==
        "InvalidParams: the parameter timeout is given twice at byte 23");
  CHECK(decoded("queue.get q name=r").starts_with("InvalidParams: the parameter name is given"));
  CHECK(decoded("queue.get name=r q").starts_with("InvalidParams: the parameter name is given"));
  CHECK(decoded("queue.get q guard=1 guard=1").starts_with("InvalidParams: the parameter guard"));
  CHECK(decoded("object.create a b ttl=1 ttl=1").starts_with("ValueError: "));
  CHECK(decoded("object.create a b options={} ttl=1").starts_with("InvalidParams: "));
}

TEST_CASE("typed line: too many positional arguments beside named ones are refused", "[wire]") {
  CHECK(decoded("queue.get a b c guard=1") ==
        "InvalidParams: expected at most 2 parameters, found 3");
  CHECK(decoded("queue.get a b c") == R"(["a","b","c"])");
}

TEST_CASE("typed line: the error for an unmatched quote or bracket has its position", "[wire]") {
  CHECK(decoded("x \"abc") == "InvalidParams: the quote does not end that begins at byte 3");
  CHECK(decoded("x a \"abc\\\"") == "InvalidParams: the quote does not end that begins at byte 5");
  CHECK(decoded("x \"abc\\") == "InvalidParams: the quote does not end that begins at byte 3");
  CHECK(decoded("x [1, 2") == "InvalidParams: the bracket does not close that opens at byte 3");
  CHECK(decoded("x {\"a\":[}") == "InvalidParams: the bracket does not close that opens at byte 3");
  CHECK(decoded("x [\"]") == "InvalidParams: the bracket does not close that opens at byte 3");
  CHECK(decoded("x \"a\"b") == "InvalidParams: expected a blank at byte 6");
  CHECK(decoded("x [1][2]") == "InvalidParams: expected a blank at byte 6");
  CHECK(decoded("dict.set \"d\"x k 1") == "InvalidParams: expected a blank at byte 13");
  for (const char* line : {"x [1,]", "x {a:1}", "x [}", "x \"\\x\"", "x {1}", "x [a]"}) {
    INFO(line);
    const std::string shown = decoded(line);
    CHECK(shown.starts_with("InvalidParams: the word at byte 3 is not JSON: "));
  }
  CHECK(decoded("x [NaN]").ends_with(R"(; NaN is written {"$float":"nan"})"));
}

TEST_CASE("typed line: a byte that is not UTF-8 is named and not echoed", "[wire]") {
  for (const char* line : {"x [\xff]", "x \xff", "p\xffing", "\xff", "dict.\xff", "ping \xff=1",
                           "help \xc3", "x a\xed\xa0\x80"}) {
    INFO(line);
    const std::string shown = decoded(line);
    CHECK(shown.starts_with("ValueError: the line is not valid UTF-8: 0x"));
    CHECK(agora::is_utf8(shown));
  }
  CHECK(decoded("p\xffing") == "ValueError: the line is not valid UTF-8: 0xff at byte 2");
  CHECK(decoded("x \xc3\xa4 \xe2\x82") ==
        "ValueError: the line is not valid UTF-8: 0xe2 at byte 6");
}

TEST_CASE("typed error: a terminal gets neither control characters nor invalid UTF-8", "[wire]") {
  std::string out;
  agora::encode_typed_error({agora::Errc::value_error,
                             "a\nb\xc2\x9b"
                             "c\xc3\xa4\x7f",
                             {},
                             {}},
                            out);
  CHECK(out == "ValueError: a b c\xc3\xa4 ");
  out.clear();
  agora::encode_typed_error({agora::Errc::value_error, "a\xff\xc2", {}, {}}, out);
  CHECK(out == "ValueError: a??");
}

TEST_CASE("typed line: arguments with impossible values are value errors", "[wire]") {
  for (const char* line : {"x 18446744073709551616", "x 1e400", "x \xff", "dict.set \xff 1 2",
                           R"(x {"$ref":1})", R"(x {"a":1,"a":2})"}) {
    INFO(line);
    CHECK(decoded(line).starts_with("ValueError: "));
  }
}

TEST_CASE("typed line: has the limits of every message", "[wire]") {
  CHECK(decoded("x " + test::nested(65)).starts_with("TooLarge: "));
  CHECK(decoded("x " + test::nested(100'000)).starts_with("TooLarge: "));
  CHECK(decoded("x " + test::nested(64)) == "[" + test::nested(64) + "]");
  Limits limits;
  limits.elements_max = 3;
  CHECK(decoded("x a 2 c", limits) == R"(["a",2,"c"])");
  CHECK(decoded("x a 2 c d", limits).starts_with("TooLarge: "));
  CHECK(decoded("x a 2 c 4", limits).starts_with("TooLarge: "));
}

TEST_CASE("typed line: an error is one line of type and message", "[wire]") {
  std::string out;
  encode_typed_error(Error{Errc::key_error, "\"absent\" is not a key of dict jobs", Done::no, {}},
                     out);
  CHECK(out == "KeyError: \"absent\" is not a key of dict jobs");
  out.clear();
  encode_typed_error(Error{Errc::value_error, "a\nb\x1b[0m\u00e9", Done::no, {}}, out);
  CHECK(out == "ValueError: a b [0m\u00e9");
}

TEST_CASE("typed line: a result is one line of JSON", "[wire]") {
  std::string out;
  encode_typed_result(PackedView{"\x92\xa2\n\"\xc0"}, out);
  CHECK(out == R"(["\n\"",null])");
}

TEST_CASE("typed line: a value written as JSON is one argument", "[wire]") {
  CHECK(rc::check("same value", [] {
    const auto seed = *rc::gen::noShrink(rc::gen::arbitrary<std::uint64_t>());
    std::string packed;
    Writer writer(packed);
    test::ValueMaker(seed).any(writer, 3);
    const std::string text = json_of(packed);
    RC_ASSERT(decoded("x before " + text + " after") == "[\"before\"," + text + ",\"after\"]");
  }));
}

TEST_CASE("typed line: random lines do not crash the decoder", "[wire]") {
  CHECK(rc::check("call or error", [] {
    const auto line = *rc::gen::container<std::string>(rc::gen::element(
        ' ', '"', '[', ']', '{', '}', '\\', 'a', '1', '=', ',', ':', '?', '\xff', '\t', '\0'));
    RC_ASSERT(!decoded("object.create " + line).empty());
    RC_ASSERT(!decoded(line).empty());
  }));
}
