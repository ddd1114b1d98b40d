// SPDX-License-Identifier: MIT

#include "shared/wire/msgpack_rpc.hpp"

#include <string>

#include <rapidcheck.h>

#include "shared/value/msgpack_reader.hpp"
#include "shared/wire/framing.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/shared/wire/wire_samples.hpp"

using namespace agora;
using test::json_of;
using namespace std::string_literals;

namespace {

// Formats a call in one line: `id method params options`, or `id ! ErrorType`, `and close`.
std::string decoded(const std::string& frame, const Limits& limits = Limits{}) {
  std::string out = "kept";
  const Message message = decode_msgpack_call(frame, limits, out);
  CHECK(out.starts_with("kept"));
  const Request& request = message.request;
  if (message.refusal) {
    return json_of(request.id) + " ! " + std::string(type_name(message.refusal->code)) +
           (message.close ? " and close" : "");
  }
  CHECK_FALSE(message.close);
  return json_of(request.id) + " " + std::string(request.method) + " " + json_of(request.params) +
         " " + json_of(request.options);
}

// `[0, 1, "m", params]`
std::string call(const std::string& params) { return "\x94\x00\x01\xa1m"s + params; }

std::string options(const std::string& map) {
  std::string out;
  Writer(out).extension(kCallOptionsExtension, map);
  return out;
}

}  // namespace

TEST_CASE("msgpack-rpc decoder: a request has an id, a method and parameters by position",
          "[wire]") {
  CHECK(decoded("\x94\x00\x07\xa8"
                "dict.get\x92\xa1"
                "d\xa1k"s) == R"(7 dict.get ["d","k"] absent)");
  CHECK(decoded("\x94\x00\xce\xff\xff\xff\xff\xa4ping\x90"s) == "4294967295 ping [] absent");
  CHECK(decoded("\x93\x02\xa4ping\x91\xd4\x01x"s) == R"(absent ping [{"$ref":"x"}] absent)");
}

TEST_CASE("msgpack-rpc decoder: any valid encoding is accepted and becomes the shortest",
          "[wire]") {
  const std::string longest =
      "\xdd\0\0\0\x04\xd3\0\0\0\0\0\0\0\0\xcf\0\0\0\0\0\0\0\x07\xdb\0\0\0\x01m"
      "\xdd\0\0\0\x02\xd1\0\x05\xdf\0\0\0\x01\xd9\x01k\xca\x40\0\0\0"s;
  CHECK(decoded(longest) == R"(7 m [5,{"k":2.0}] absent)");
  std::string out;
  const Message message = decode_msgpack_call(longest, Limits{}, out);
  CHECK(message.request.id.bytes() == "\x07");
  CHECK(message.request.params.bytes() == "\x92\x05\x81\xa1k\xcb\x40\0\0\0\0\0\0\0"s);
}

TEST_CASE("msgpack-rpc decoder: a message of wrong shape is refused and ends the connection",
          "[wire]") {
  const std::string zero[] = {"\x05"s,
                              "{"s,
                              "\xc0"s,
                              "\xa1x"s,
                              "\x80"s,
                              "\x90"s,
                              "\x91\x00"s,
                              "\x94\xc0\x01\xa1m\x90"s,
                              "\x94\x03\x01\xa1m\x90"s,
                              "\x94\xff\x01\xa1m\x90"s,
                              "\x94\xcb\0\0\0\0\0\0\0\0\x01\xa1m\x90"s,
                              "\x94\x00\xc0\xa1m\x90"s,
                              "\x94\x00\xff\xa1m\x90"s,
                              "\x94\x00\xa1"
                              "1\xa1m\x90"s,
                              "\x94\x00\xcf\0\0\0\x01\0\0\0\0\xa1m\x90"s,
                              "\x94\x00\xcb\0\0\0\0\0\0\0\0\xa1m\x90"s,
                              "\x92\x02\xa1m"s,
                              "\x94\x02\xa1m\x90\x90"s,
                              "\x93\x02\x01\x90"s,
                              "\x93\x02\xa1m\x80"s,
                              "\x94\x00\xd4\x03z\xa1m\x90"s};
  for (const std::string& frame : zero) {
    CAPTURE(frame);
    CHECK(decoded(frame) == "0 ! InvalidRequest and close");
  }
  const std::string numbered[] = {
      "\x92\x00\x07"s,         "\x93\x00\x07\xa1m"s,     "\x95\x00\x07\xa1m\x90\x90"s,
      "\x94\x00\x07\x05\x90"s, "\x94\x00\x07\xa1m\xc0"s, "\x94\x00\x07\xa1m\x80"s,
      "\x94\x01\x07\xc0\xc0"s};
  for (const std::string& frame : numbered) {
    CAPTURE(frame);
    CHECK(decoded(frame) == "7 ! InvalidRequest and close");
  }
}

TEST_CASE("msgpack-rpc decoder: bytes that did not pass a framer are refused, too", "[wire]") {
  CHECK(decoded("") == "0 ! InvalidRequest and close");
  CHECK(decoded(call("\x90") + "\xc0") == "1 ! InvalidRequest and close");
  CHECK(decoded(call("\x92\x01")) == "1 ! InvalidRequest and close");
  CHECK(decoded(call("\x91\xc1")) == "1 ! ParseError and close");
}

TEST_CASE("msgpack-rpc decoder: an invalid value inside the parameters does not end the connection",
          "[wire]") {
  CHECK(decoded(call("\x91\xd4\x05z")) == "1 ! ValueError");
  CHECK(decoded(call("\x91\xd6\xff"
                     "1234")) == "1 ! ValueError");
  CHECK(decoded(call("\x91\xa1\xff")) == "1 ! ValueError");
  CHECK(decoded(call("\x91\x82\xa1k\x01\xa1k\x02")) == "1 ! ValueError");
  CHECK(decoded(call("\x91\x82\x01\x01\xcb\x3f\xf0\0\0\0\0\0\0\x02"s)) == "1 ! ValueError");
  CHECK(decoded(call("\x91\x81\x80\x01")) == "1 ! TypeError");
  CHECK(decoded(call("\x91" + std::string(65, '\x91') + "\xc0")) == "1 ! TooLarge");
  CHECK(decoded(call("\x91" + std::string(64, '\x91') + "\xc0")) != "1 ! TooLarge");
  CHECK(decoded("\x93\x02\xa1m\x91\xa1\xff"s) == "absent ! ValueError");
}

TEST_CASE("msgpack-rpc decoder: a method that is not UTF-8 is refused and the connection stays",
          "[wire]") {
  CHECK(decoded("\x94\x00\x07\xa1\xff\x90"s) == "7 ! InvalidRequest");
  CHECK(decoded("\x93\x02\xa1\xff\x90"s) == "absent ! InvalidRequest");
}

TEST_CASE("msgpack-rpc decoder: all parameters share the element budget", "[wire]") {
  Limits limits;
  limits.elements_max = 5;
  CHECK(decoded(call("\x92\x91\x01\x92\x01\x02"), limits) == "1 m [[1],[1,2]] absent");
  CHECK(decoded(call("\x92\x92\x01\x02\x92\x01\x02"), limits) == "1 ! TooLarge");
}

TEST_CASE("msgpack-rpc decoder: call options are an extra last parameter", "[wire]") {
  const std::string guard = "\x81\xa5guard\x92\xa1l\x05";
  CHECK(decoded(call("\x91" + options(guard))) == R"(1 m [] {"guard":["l",5]})");
  CHECK(decoded(call("\x93\x01\x02" + options(guard))) == R"(1 m [1,2] {"guard":["l",5]})");
  CHECK(decoded(call("\x91" + options("\x80"))) == "1 m [] {}");
  CHECK(decoded("\x93\x02\xa1m\x92\x01"s + options("\x80")) == "absent m [1] {}");
}

TEST_CASE("msgpack-rpc decoder: call options elsewhere, or not one map, are a value error",
          "[wire]") {
  for (const std::string& params :
       {"\x92" + options("\x80") + "\x01", "\x92" + options("\x80") + options("\x80"),
        "\x91\x91" + options("\x80"), "\x91" + options(""), "\x91" + options("\x90"),
        "\x91" + options("\xc0"), "\x91" + options("\x80\x80"), "\x91" + options("\x81\xa1"),
        "\x91" + options("\xc1"),
        "\x91" + options("\x82\xa1"
                         "a\x01\xa1"
                         "a\x02")}) {
    CAPTURE(params);
    CHECK(decoded(call(params)) == "1 ! ValueError");
  }
}

TEST_CASE("msgpack-rpc decoder: parameters have the shortest header after call options are removed",
          "[wire]") {
  for (const std::uint32_t count : {1U, 15U, 16U, 17U, 65535U, 65536U}) {
    std::string params;
    Writer writer(params);
    writer.list(count);
    for (std::uint32_t i = 1; i < count; ++i) writer.integer(1);
    params += options("\x80");
    std::string expected;
    Writer(expected).list(count - 1);
    expected.append(count - 1, '\x01');
    std::string out;
    const std::string frame = call(params);
    const Message message = decode_msgpack_call(frame, Limits{}, out);
    REQUIRE(message.refusal == nullptr);
    CHECK((message.request.params.bytes() == expected));
    CHECK(message.request.options.bytes() == "\x80");
  }
}

TEST_CASE("msgpack-rpc decoder: one buffer takes the calls of many frames", "[wire]") {
  std::string out;
  out.reserve(1000);
  const std::string first = call("\x91\x01");
  const std::string second = call("\x91\x02");
  const Message one = decode_msgpack_call(first, Limits{}, out);
  const char* const buffer = out.data();
  const Message bad = decode_msgpack_call(call("\x92\x01\xa1\xff"), Limits{}, out);
  const Message two = decode_msgpack_call(second, Limits{}, out);
  CHECK(out.data() == buffer);
  CHECK(json_of(one.request.params) == "[1]");
  CHECK(json_of(bad.request.id) == "1");
  CHECK(json_of(two.request.params) == "[2]");
}

TEST_CASE("msgid_of: found at the front of an incomplete message", "[wire]") {
  CHECK(msgid_of("\x94\x00\x07"s) == 7);
  CHECK(msgid_of("\x94\x00\xcd\x01\x00\xdb\xff"s) == 256);
  CHECK(msgid_of("\xdc\x00\x04\x00\x05"s) == 5);
  CHECK(msgid_of("\xdd\x00\x00\x00\x04\x00\x06"s) == 6);
  for (const std::string& bytes : {""s, "\x94"s, "\x94\x00"s, "\x94\x00\xcd\x01"s, "\x93\x02\x05"s,
                                   "\x94\x00\xff"s, "\xc1"s, "\xdd\x00"s, "\x05\x00\x07"s}) {
    CHECK(msgid_of(bytes) == 0);
  }
}

TEST_CASE("msgpack-rpc encoder: replies and notices have the shortest form", "[wire]") {
  std::string out;
  encode_msgpack_reply(PackedView{"\x07"}, PackedView{"\x91\x01"}, out);
  CHECK(out == "\x94\x01\x07\xc0\x91\x01");
  out.clear();
  encode_msgpack_error(PackedView{"\x07"}, Error{Errc::key_error, "no", Done::no, {}}, out);
  CHECK(out ==
        "\x94\x01\x07\x94\x01\xa8KeyError\xa2no\x82\xa4type\xa8KeyError\xa4"
        "done\xa2no\xc0");
  out.clear();
  encode_msgpack_error(PackedView{"\x00"s}, Error{Errc::invalid_request, "", Done::no, {}}, out);
  CHECK(json_of(out) == R"([1,0,[-32600,"InvalidRequest","",)"
                        R"({"type":"InvalidRequest","done":"no"}],null])");
  out.clear();
  encode_msgpack_notice(PackedView{"\x81\xa4kind\xa3gap"}, out);
  CHECK(json_of(out) == R"([2,"notice",[{"kind":"gap"}]])");
}

TEST_CASE("msgpack-rpc decoder: every value passes through a call unchanged", "[wire]") {
  CHECK(rc::check("same bytes", [] {
    const auto seed = *rc::gen::noShrink(rc::gen::arbitrary<std::uint64_t>());
    std::string params;
    Writer writer(params);
    test::ValueMaker maker(seed);
    writer.list(2);
    maker.any(writer, 4);
    maker.any(writer, 4);
    const std::string frame = call(params);
    std::string out;
    const Message message = decode_msgpack_call(frame, Limits{}, out);
    RC_ASSERT(message.refusal == nullptr);
    RC_ASSERT(message.request.params.bytes() == params);
  }));
}

TEST_CASE("msgpack-rpc decoder: random bytes that pass the framer do not crash it", "[wire]") {
  CHECK(rc::check("reply or call", [](const std::string& tail) {
    const auto head = *rc::gen::element(""s, "\x94\x00\x01\xa1m"s, "\x93\x02\xa1m\x91"s,
                                        "\x94\x00"s, "\x94\x00\x01\xa1m\x93"s);
    const std::string bytes = head + tail;
    MsgpackFramer framer{FrameBounds(Limits{})};
    if (framer.scan(bytes) == FrameStatus::frame) {
      const std::string shown = decoded(bytes.substr(0, framer.frame_bytes()));
      RC_ASSERT(shown.find("ParseError") == std::string::npos);
    }
    RC_ASSERT(!decoded(bytes).empty());
  }));
}
