// SPDX-License-Identifier: MIT

#include "shared/wire/json_rpc.hpp"

#include <string>

#include <nlohmann/json.hpp>
#include <rapidcheck.h>

#include "shared/wire/error_data.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/shared/wire/wire_samples.hpp"

using namespace agora;
using test::json_of;
using namespace std::string_literals;

namespace {

// Formats a message in one line: `id method params options`, or `id ! ErrorType`.
std::string format(const Message& message) {
  const Request& request = message.request;
  if (message.refusal) {
    return json_of(request.id) + " ! " + std::string(type_name(message.refusal->code));
  }
  CHECK(request.is_notification() == !request.id.present());
  return json_of(request.id) + " " + std::string(request.method) + " " + json_of(request.params) +
         " " + json_of(request.options);
}

std::string format(const JsonRpcDecoder::Result& result) {
  std::string out = result.batch ? "batch" : "";
  for (const Message& message : result.messages) {
    if (!out.empty()) out += " | ";
    out += format(message);
  }
  return out;
}

Limits small_limits() {
  Limits limits;
  limits.batch_calls_max = 3;
  limits.elements_max = 40;
  return limits;
}

std::string decoded(std::string_view line, const Limits& limits = Limits{}) {
  JsonRpcDecoder decoder(limits);
  return format(decoder.decode(line));
}

}  // namespace

TEST_CASE("json-rpc decoder: a request has an id, a method and its parameters", "[wire]") {
  CHECK(decoded(R"({"jsonrpc":"2.0","id":1,"method":"dict.set","params":["jobs","k",1]})") ==
        R"(1 dict.set ["jobs","k",1] absent)");
  CHECK(decoded(R"({"id":2,"method":"dict.get","params":{"name":"jobs","key":"k"}})") ==
        R"(2 dict.get {"name":"jobs","key":"k"} absent)");
  CHECK(decoded(R"(  { "params" : [ ] , "method" : "ping" , "id" : "a\u0062" } )") ==
        R"("ab" ping [] absent)");
  CHECK(decoded(R"({"id":1,"method":"ping"})") == "1 ping absent absent");
  CHECK(decoded(R"({"id":1,"method":"p\u0069ng"})") == "1 ping absent absent");
}

TEST_CASE("json-rpc decoder: an id is text, an int or null", "[wire]") {
  for (const char* id : {"0", "-1", "18446744073709551615", "-9223372036854775808", "null", "\"\"",
                         "\"x\"", "\"1\""}) {
    CHECK(decoded("{\"id\":"s + id + R"(,"method":"ping"})") == id + " ping absent absent"s);
  }
  for (const char* id : {"1.0", "1e3", "true", "[]", "[1]", "{}", R"({"$ref":"x"})",
                         R"({"$bytes":""})", "18446744073709551616", "1e400"}) {
    INFO(id);
    CHECK(decoded("{\"id\":"s + id + R"(,"method":"ping"})") == "null ! InvalidRequest");
  }
  const auto long_id = [](std::size_t n) {
    return "{\"id\":\"" + std::string(n, 'x') + R"(","method":"ping"})";
  };
  CHECK(decoded(long_id(257)) == "null ! InvalidRequest");
  CHECK(decoded(long_id(256)) != "null ! InvalidRequest");
}

TEST_CASE("json-rpc decoder: a request without an id is a notification", "[wire]") {
  CHECK(decoded(R"({"method":"event.set","params":["e"]})") == R"(absent event.set ["e"] absent)");
  CHECK(decoded(R"({"method":"dict.set","params":[{"$ref":1}]})") == "absent ! ValueError");
}

TEST_CASE("json-rpc decoder: an invalid request is refused with the id null", "[wire]") {
  for (const char* line : {"{}",
                           R"({"id":1})",
                           R"({"id":1,"method":5})",
                           R"({"id":1,"method":null})",
                           R"({"id":1,"method":["ping"]})",
                           R"({"method":1})",
                           R"({"id":1,"result":1})",
                           R"({"id":1,"method":"ping","params":1})",
                           R"({"id":1,"method":"ping","params":null})",
                           R"({"id":1,"method":"ping","params":"x"})",
                           R"({"method":"ping","params":true})",
                           R"({"jsonrpc":"1.0","id":1,"method":"ping"})",
                           R"({"jsonrpc":2.0,"id":1,"method":"ping"})",
                           R"({"jsonrpc":null,"id":1,"method":"ping"})",
                           R"({"id":1,"id":2,"method":"ping"})",
                           R"({"id":1,"method":"ping","method":"ping"})",
                           R"({"id":1,"method":"ping","params":[],"params":[]})",
                           "1",
                           "\"x\"",
                           "null",
                           R"({"$ref":"x"})",
                           R"({"$map":[["id",1],["method","ping"]]})",
                           R"({"id":1,"method":{"$bytes":"Zg=="}})"}) {
    INFO(line);
    CHECK(decoded(line) == "null ! InvalidRequest");
  }
}

TEST_CASE("json-rpc decoder: a line that is not JSON is refused with the id null", "[wire]") {
  for (const char* line : {"{", "{\"id\":1,", "[", "[1", "nonsense", "", "{\"id\":1}{\"id\":2}",
                           "{\"id\":1,\"method\":\"ping\",\"params\":[\"\\ud800\"]}", "[NaN]",
                           "{'id':1}", "{\"id\":1,}", "\xef\xbb\xbf{}"}) {
    INFO(line);
    CHECK(decoded(line) == "null ! ParseError");
  }
}

TEST_CASE("json-rpc decoder: unknown members of any value are ignored", "[wire]") {
  CHECK(decoded(R"({"x":{"$ref":1},"y":[1e400],"y":2,"id":1,"method":"ping","":{}})") ==
        "1 ping absent absent");
  CHECK(decoded(R"({"x":{"a":1,"a":1},"id":1,"method":"ping"})") == "1 ping absent absent");
  CHECK(decoded("{\"x\":" + test::nested(5000) + R"(,"id":1,"method":"ping"})") ==
        "1 ping absent absent");
}

TEST_CASE("json-rpc decoder: an invalid value in the parameters is refused with the id", "[wire]") {
  const auto call = [](const std::string& params) {
    return decoded("{\"method\":\"dict.set\",\"params\":" + params + ",\"id\":7}");
  };
  CHECK(call(R"(["d",{"a":1,"a":2}])") == "7 ! ValueError");
  CHECK(call(R"({"name":"d","name":"e"})") == "7 ! ValueError");
  CHECK(call(R"(["d",18446744073709551616])") == "7 ! ValueError");
  CHECK(call(R"(["d",1e400])") == "7 ! ValueError");
  CHECK(call(R"([{"$bytes":"?"}])") == "7 ! ValueError");
  CHECK(call(R"([{"$map":[[{"a":1},2]]}])") == "7 ! TypeError");
  CHECK(call("[" + test::nested(65) + "]") == "7 ! TooLarge");
  CHECK(call("[" + test::nested(64) + "]") != "7 ! TooLarge");
  CHECK(call("[" + test::nested(100'000) + "]") == "7 ! TooLarge");
  std::string many;
  for (int i = 0; i < 1'000'001; ++i) many += "1,";
  CHECK(call("[" + many + "1]") == "7 ! TooLarge");
}

TEST_CASE("json-rpc decoder: a call too large to be parsed keeps an id that came first", "[wire]") {
  std::string many = "[";
  for (int i = 0; i < 1000; ++i) many += "[1,{\"a\":[1]}],";
  many += "1]";
  const auto shown = [](const std::string& line) { return decoded(line, small_limits()); };
  CHECK(shown("{\"id\":5,\"method\":\"m\",\"params\":" + many + "}") == "5 ! TooLarge");
  CHECK(shown("{\"id\":\"a\",\"params\":{\"x\":" + many + "}}") == "\"a\" ! TooLarge");
  CHECK(shown("{\"id\":[5],\"params\":" + many + "}") == "null ! TooLarge");
  CHECK(shown("{\"params\":" + many + ",\"id\":5}") == "null ! TooLarge");
  CHECK(shown("[{\"id\":5,\"method\":\"m\",\"params\":" + many + "}]") == "null ! TooLarge");
  CHECK(shown(many) == "null ! TooLarge");
  CHECK(shown("{\"id\":5,\"x\":" + test::nested(1000)) == "5 ! TooLarge");
  for (std::size_t n = 250; n < 270; ++n) {
    std::string members = "{\"id\":5";
    for (std::size_t i = 0; i < n; ++i) members += ",\"x\":0";
    CHECK((shown(members + "}") == "5 ! TooLarge" ||
           shown(members + "}") == "null ! InvalidRequest"));
  }
}

TEST_CASE("json-rpc decoder: names of parameters are not tags, their values may be tagged",
          "[wire]") {
  CHECK(decoded(R"({"id":1,"method":"m","params":{"$ref":{"$ref":"x"}}})") ==
        R"(1 m {"$map":[["$ref",{"$ref":"x"}]]} absent)");
  CHECK(decoded(R"({"id":1,"method":"m","params":[{"$ref":"x"},{"$map":[[1,2]]}]})") ==
        R"(1 m [{"$ref":"x"},{"$map":[[1,2]]}] absent)");
  CHECK(decoded(R"([{"id":1,"method":"m","params":{"$map":[[1,2]]}}])") ==
        R"(batch | 1 m {"$map":[["$map",[[1,2]]]]} absent)");
}

TEST_CASE("json-rpc decoder: call options are beside the parameters or among the named ones",
          "[wire]") {
  CHECK(decoded(R"({"id":1,"method":"m","params":["a"],"guard":["l",5]})") ==
        R"(1 m ["a"] {"guard":["l",5]})");
  CHECK(decoded(R"({"id":1,"method":"m","guard":[{"$ref":"l"},5]})") ==
        R"(1 m absent {"guard":[{"$ref":"l"},5]})");
  CHECK(decoded(R"({"id":1,"method":"m","params":{"guard":["l",5]}})") ==
        R"(1 m {"guard":["l",5]} absent)");
  CHECK(decoded(R"({"id":1,"method":"m","guard":[{"$ref":5}]})") == "1 ! ValueError");
}

TEST_CASE("json-rpc decoder: a batch gives a message for each element", "[wire]") {
  CHECK(
      decoded(
          R"([{"id":1,"method":"a"},5,{"method":"b"},[],{"id":2,"method":"c","params":[1e999]}])") ==
      "batch | 1 a absent absent | null ! InvalidRequest | absent b absent absent | "
      "null ! InvalidRequest | 2 ! ValueError");
  CHECK(decoded("[1]") == "batch | null ! InvalidRequest");
}

TEST_CASE("json-rpc decoder: a number out of range in one call of a batch affects no other call",
          "[wire]") {
  CHECK(decoded(R"([{"id":1,"method":"a","params":[1e400]},{"id":2,"method":"a","params":)"
                R"([1.7e308,-17.9e307,0.018e310,1e-400,2e308.5e0,1e5]}])") == "null ! ParseError");
  CHECK(
      decoded(R"([{"id":1,"method":"a","params":[1e400]},{"id":2,"method":"a","params":)"
              R"([1.7e308,-17.9e307,0.0179e310,1e-400,"1e400",1e5]}])") ==
      R"(batch | 1 ! ValueError | 2 a [1.7e+308,-1.79e+308,1.79e+308,0.0,"1e400",100000.0] absent)");
  for (const char* number :
       {"1.8e308", "18e307", "-0.018e310", "1e309", "1E+9999999999999999999"}) {
    INFO(number);
    CHECK(decoded("{\"method\":\"m\",\"params\":[" + std::string(number) + "],\"id\":1}") ==
          "1 ! ValueError");
  }
}

TEST_CASE("json-rpc decoder: an empty batch and one over the limit are refused whole", "[wire]") {
  CHECK(decoded("[]") == "null ! InvalidRequest");
  CHECK(decoded(R"([{"id":1,"method":"a"},{"id":2,"method":"a"},{"id":3,"method":"a"}])",
                small_limits())
            .starts_with("batch | 1 a"));
  CHECK(decoded("[1,2,3,4]", small_limits()) == "null ! TooLarge");
}

TEST_CASE("json-rpc decoder: the calls of a batch share the element limit", "[wire]") {
  const std::string call = R"({"id":1,"method":"a","params":[1,2,3,4,5,6,7,8,9,10,11,12]})";
  const std::string shown = "1 a [1,2,3,4,5,6,7,8,9,10,11,12] absent";
  CHECK(decoded("[" + call + "," + call + "," + call + "]", small_limits()) ==
        "batch | " + shown + " | " + shown + " | " + shown);
  const std::string longer = R"({"id":2,"method":"a","params":[1,2,3,4,5,6,7,8,9,10,11,12,13,14]})";
  CHECK(decoded("[" + call + "," + call + "," + longer + "]", small_limits()) ==
        "batch | " + shown + " | " + shown + " | 2 ! TooLarge");
}

TEST_CASE("json-rpc decoder: each line starts with a fresh state", "[wire]") {
  JsonRpcDecoder decoder{Limits{}};
  CHECK(format(decoder.decode(R"([{"id":1,"method":"a","params":[{"$ref":"x"}]},{"method":"b"}])"))
            .starts_with("batch | 1 a"));
  CHECK(format(decoder.decode("{")) == "null ! ParseError");
  CHECK(format(decoder.decode(R"({"id":2,"method":"c"})")) == "2 c absent absent");
}

TEST_CASE("is_json_line: the first non-blank byte decides", "[wire]") {
  CHECK(is_json_line("{}"));
  CHECK(is_json_line(" \t["));
  CHECK_FALSE(is_json_line(""));
  CHECK_FALSE(is_json_line("  "));
  CHECK_FALSE(is_json_line("dict.set d {}"));
  CHECK_FALSE(is_json_line("\"x\""));
}

TEST_CASE("json-rpc encoder: replies have their members in a fixed order", "[wire]") {
  std::string out;
  encode_json_reply(PackedView{"\x01"}, kNullValue, out);
  CHECK(out == R"({"jsonrpc":"2.0","id":1,"result":null})");
  out.clear();
  encode_json_reply(PackedView{"\xa2 \""}, PackedView{"\x92\x01\xc3"}, out);
  CHECK(out == R"({"jsonrpc":"2.0","id":" \"","result":[1,true]})");
}

TEST_CASE("json-rpc encoder: errors have code, message, type, done and details", "[wire]") {
  Error error{Errc::key_error, "\"absent\" is no key\n", Done::no, {}};
  std::string out;
  encode_json_error(PackedView{"\x03"}, error, out);
  CHECK(out == R"({"jsonrpc":"2.0","id":3,"error":{"code":1,"message":"\"absent\" is no key\n",)"
               R"("data":{"type":"KeyError","done":"no"}}})");
  error = {Errc::parse_error, "x", Done::unknown, {}};
  error.details = {text_detail("object", "d"),
                   number_detail("limit", 5),
                   text_detail("done", "yes"),
                   text_detail("object", "again"),
                   {"empty", ""}};
  out.clear();
  encode_json_error(kNullValue, error, out);
  CHECK(out == R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"x",)"
               R"("data":{"type":"ParseError","done":"unknown","object":"d","limit":5}}})");
}

TEST_CASE("json-rpc encoder: JSON-RPC's own errors have their own types", "[wire]") {
  const std::pair<Errc, const char*> own[] = {{Errc::parse_error, "-32700,ParseError"},
                                              {Errc::invalid_request, "-32600,InvalidRequest"},
                                              {Errc::method_not_found, "-32601,MethodNotFound"},
                                              {Errc::invalid_params, "-32602,InvalidParams"},
                                              {Errc::internal_error, "-32603,InternalError"}};
  for (const auto& [code, expected] : own) {
    std::string out;
    encode_json_error(kNullValue, Error{code, "x", Done::no, {}}, out);
    const auto error = nlohmann::json::parse(out)["error"];
    CHECK(error["code"].dump() + "," + error["data"]["type"].get<std::string>() == expected);
    CHECK(error["data"]["done"] == "no");
  }
}

TEST_CASE("json-rpc encoder: a notice is a call by the server", "[wire]") {
  std::string out;
  encode_json_notice(PackedView{"\x82\xa4kind\xa5watch\xa6object\xa1"
                                "d"},
                     out);
  CHECK(out == R"({"jsonrpc":"2.0","method":"notice","params":{"kind":"watch","object":"d"}})");
}

TEST_CASE("json-rpc decoder: random lines give a message that can be replied to", "[wire]") {
  CHECK(rc::check("at least one message", [] {
    const auto pieces = *rc::gen::container<std::vector<std::string>>(rc::gen::element(
        "{"s, "}"s, "["s, "]"s, ","s, ":"s, "\"id\":1"s, "\"method\":\"m\""s, "\"params\":"s,
        "\"$map\":"s, "1e999"s, "\"guard\":"s, "\"$ref\""s, "\"\""s, "-1"s, "\xff"s));
    std::string line;
    for (const std::string& piece : pieces) line += piece;
    RC_ASSERT(!decoded(line).empty());
  }));
}
