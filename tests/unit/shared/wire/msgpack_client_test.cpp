// SPDX-License-Identifier: MIT

#include "shared/wire/msgpack_client.hpp"

#include <string>

#include <rapidcheck.h>

#include "shared/wire/error_data.hpp"
#include "shared/wire/msgpack_rpc.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/shared/wire/wire_samples.hpp"

using namespace agora;
using test::json_of;
using namespace std::string_literals;

TEST_CASE("msgpack client: the server decodes a request as the client encoded it", "[wire]") {
  std::string frame;
  begin_msgpack_request(300, "dict.get", 3, frame);
  Writer writer(frame);
  writer.text("d");
  writer.reference("k");
  append_call_options(PackedView{"\x81\xa5guard\x92\xa1l\x05"}, frame);
  std::string out;
  const Message message = decode_msgpack_call(frame, Limits{}, out);
  REQUIRE(message.refusal == nullptr);
  CHECK(json_of(message.request.id) == "300");
  CHECK(message.request.method == "dict.get");
  CHECK(json_of(message.request.params) == R"(["d",{"$ref":"k"}])");
  CHECK(json_of(message.request.options) == R"({"guard":["l",5]})");
}

TEST_CASE("msgpack client: the server decodes a notification as the client encoded it", "[wire]") {
  std::string frame;
  begin_msgpack_notification("session.acknowledge", 1, frame);
  Writer(frame).integer(9);
  std::string out;
  const Message message = decode_msgpack_call(frame, Limits{}, out);
  REQUIRE(message.refusal == nullptr);
  CHECK(message.request.is_notification());
  CHECK(json_of(message.request.params) == "[9]");
}

TEST_CASE("msgpack client: a reply gives its result", "[wire]") {
  std::string frame;
  encode_msgpack_reply(PackedView{"\x07"}, PackedView{"\x91\x01"}, frame);
  const auto message = decode_server_message(frame);
  REQUIRE(message);
  CHECK(message->kind == ServerMessage::Kind::reply);
  CHECK(message->ok());
  CHECK(message->id == 7);
  CHECK(json_of(message->result) == "[1]");
}

TEST_CASE("msgpack client: an error of every code and outcome round-trips", "[wire]") {
  for (const ErrcRow& row : errc_table()) {
    for (const Done done : {Done::no, Done::yes, Done::unknown}) {
      const Error sent{row.code, "why", done, {text_detail("key", "k"), number_detail("limit", 5)}};
      std::string frame;
      encode_msgpack_error(PackedView{"\x07"}, sent, frame);
      const auto message = decode_server_message(frame);
      REQUIRE(message);
      REQUIRE_FALSE(message->ok());
      CHECK(message->id == 7);
      CHECK(message->error->code == row.code);
      CHECK(message->error->message == "why");
      CHECK(message->error->done == done);
      REQUIRE(message->error->details.size() == 2);
      CHECK(message->error->details[1].name == "limit");
      CHECK(message->error->details[1].packed == "\x05");
    }
  }
}

TEST_CASE("msgpack client: a foreign server's error becomes a runtime error", "[wire]") {
  const auto message = decode_server_message("\x94\x01\x07\xa4oops\xc0"s);
  REQUIRE(message);
  REQUIRE_FALSE(message->ok());
  CHECK(message->error->code == Errc::runtime_error);
  CHECK(message->error->message == "\"oops\"");
  CHECK(message->error->done == Done::unknown);
}

TEST_CASE("msgpack client: an unknown code is an internal error with its message", "[wire]") {
  const auto message = decode_server_message("\x94\x01\x07\x94\x7f\xa3New\xa1m\xc0\xc0"s);
  REQUIRE(message);
  CHECK(message->error->code == Errc::internal_error);
  CHECK(message->error->message == "m");
  CHECK(message->error->done == Done::unknown);
}

TEST_CASE("msgpack client: a notice gives its map", "[wire]") {
  std::string frame;
  encode_msgpack_notice(PackedView{"\x81\xa4kind\xa3gap"}, frame);
  const auto message = decode_server_message(frame);
  REQUIRE(message);
  CHECK(message->kind == ServerMessage::Kind::notice);
  CHECK(json_of(message->notice) == R"({"kind":"gap"})");
}

TEST_CASE("msgpack client: a message of any other shape is refused", "[wire]") {
  for (const std::string& frame :
       {""s, "\xc1"s, "\x90"s, "\x05"s, "\x93\x01\x07\xc0"s, "\x94\x00\x07\xc0\xc0"s,
        "\x94\x01\xff\xc0\xc0"s, "\x94\x01\xa1x\xc0\xc0"s,
        "\x94\x01\xcf\0\0\0\x01\0\0\0\0\xc0\xc0"s, "\x94\x01\x07\xc0"s, "\x94\x01\x07\xc0\xc0\xc0"s,
        "\x93\x02\xa5other\x91\x80"s, "\x93\x02\xa6notice\x90"s, "\x93\x02\xa6notice\x91\x01"s,
        "\x93\x02\xa6notice\x92\x80\x80"s, "\x94\x01\x07\xc0\xd9\xff"s}) {
    CAPTURE(frame);
    const auto message = decode_server_message(frame);
    REQUIRE_FALSE(message);
    CHECK(message.error().code == Errc::invalid_request);
  }
}

TEST_CASE("msgpack client: random bytes from a server do not crash it", "[wire]") {
  CHECK(rc::check("message or refusal", [](const std::string& tail) {
    const auto head =
        *rc::gen::element(""s, "\x94\x01\x07"s, "\x94\x01\x07\x94"s,
                          "\x94\x01\x07\x94\x01\xa1x\xa1y\x82"s, "\x93\x02\xa6notice"s);
    const auto message = decode_server_message(head + tail);
    if (!message) RC_ASSERT(message.error().code == Errc::invalid_request);
  }));
}
