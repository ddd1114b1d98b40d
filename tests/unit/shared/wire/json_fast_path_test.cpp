// SPDX-License-Identifier: MIT

#include "shared/wire/json_fast_path.hpp"

#include <random>
#include <string>

#include "shared/base/limits.hpp"
#include "shared/value/msgpack_writer.hpp"
#include "shared/wire/json_rpc.hpp"
#include "tests/support/catch.hpp"

namespace agora {
namespace {

/// Returns whether the fast path accepts the line; checks that the decoder then reads the same
/// call.
bool agrees_with_decoder(const std::string& line) {
  JsonSimpleCall simple;
  std::string scratch;
  if (!read_json_simple_call(line, simple, scratch)) return false;
  JsonRpcDecoder decoder{Limits{}};
  const JsonRpcDecoder::Result calls = decoder.decode(line);
  INFO(line);
  REQUIRE_FALSE(calls.batch);
  REQUIRE(calls.messages.size() == 1);
  const Message& message = calls.messages.front();
  REQUIRE_FALSE(message.refusal);
  CHECK(message.request.method == simple.method);
  CHECK_FALSE(message.request.options.present());
  std::string id;
  Writer{id}.unsigned_integer(simple.id);
  CHECK(message.request.id.bytes() == id);
  std::string params;
  Writer{params}.list(static_cast<std::uint32_t>(simple.count));
  for (const PackedView value : simple.params()) params += value.bytes();
  CHECK(message.request.params.bytes() == params);
  return true;
}

std::string with_params(const std::string& params) {
  return R"({"jsonrpc":"2.0","id":1,"method":"m","params":[)" + params + "]}";
}

TEST_CASE("json fast path: reads the most frequent calls", "[wire]") {
  JsonSimpleCall call;
  std::string scratch;
  const std::string line =
      R"( { "method" : "dict.set", "params" : ["jobs", "k", -5, true, null, 70000],"id": 300 } )";
  REQUIRE(read_json_simple_call(line, call, scratch));
  CHECK(call.id == 300);
  CHECK(call.method == "dict.set");
  CHECK(call.count == 6);
  CHECK(call.values[1].bytes() == "\xa1k");
  CHECK(call.values[2].bytes() == "\xfb");
  CHECK(agrees_with_decoder(line));
  CHECK(agrees_with_decoder(with_params("")));
  CHECK(agrees_with_decoder(with_params(" 0 , -1,999999999999999999, false ")));
  for (const std::size_t length : {7U, 8U, 31U, 32U, 255U, 256U, 70'000U}) {
    CHECK(agrees_with_decoder(with_params('"' + std::string(length, 'x') + "\", 1")));
  }
  for (std::size_t cut = 0; cut + 2 < line.size(); ++cut) {
    CHECK_FALSE(read_json_simple_call(line.substr(0, cut), call, scratch));
  }
}

TEST_CASE("json fast path: declines every other line", "[wire]") {
  const std::string unusual[] = {
      with_params("1.5"),
      with_params("1e3"),
      with_params("01"),
      with_params("-0"),
      with_params("-"),
      with_params("1000000000000000000"),
      with_params(R"("a\n")"),
      with_params("\"\xc3\xa4\""),
      with_params("[1]"),
      with_params(R"({"a":1})"),
      with_params("1,"),
      with_params(",1"),
      with_params("nul"),
      with_params("1,2,3,4,5,6,7"),
      with_params("1") + "x",
      "[" + with_params("1") + "]",
      R"({"id":1,"method":"m","params":{"name":"d"}})",  // by name
      R"({"id":1,"method":"m"})",
      R"({"method":"m","params":[]})",
      R"({"id":"a","method":"m","params":[]})",
      R"({"id":-1,"method":"m","params":[]})",
      R"({"id":1.0,"method":"m","params":[]})",
      R"({"id":1,"id":2,"method":"m","params":[]})",
      R"({"id":1,"method":"m","params":[],"guard":["l",1]})",
      R"({"jsonrpc":"1.0","id":1,"method":"m","params":[]})",
      R"({"id":1,"method":"m","params":[],})",
      "{}",
      "{",
      "",
  };
  for (const std::string& line : unusual) {
    JsonSimpleCall call;
    std::string scratch;
    INFO(line);
    CHECK_FALSE(read_json_simple_call(line, call, scratch));
  }
}

TEST_CASE("json fast path: the decoder reads an accepted line as the same call", "[wire]") {
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  const std::string good =
      R"({"jsonrpc":"2.0","id":17,"method":"dict.set","params":["jobs",-12,"value",null,true]})";
  constexpr std::string_view kOther = "{}[]\",:.-+eE0123456789ntf \\\t";
  std::size_t accepted = 0;
  for (int i = 0; i < 50'000; ++i) {
    std::string line = good;
    for (int change = 0; change < 1 + i % 3; ++change) {
      const std::size_t at = random() % line.size();
      const char c = i % 2 == 0 ? kOther[random() % kOther.size()] : static_cast<char>(random());
      switch (random() % 3) {
        case 0:
          line[at] = c;
          break;
        case 1:
          line.insert(at, 1, c);
          break;
        default:
          line.erase(at, 1);
      }
    }
    if (agrees_with_decoder(line)) ++accepted;
  }
  CHECK(accepted > 1000);
}

}  // namespace
}  // namespace agora
