// SPDX-License-Identifier: MIT

#include "shared/wire/msgpack_fast_path.hpp"

#include <random>

#include "shared/base/limits.hpp"
#include "shared/value/msgpack_reader.hpp"
#include "shared/value/msgpack_writer.hpp"
#include "shared/wire/framing.hpp"
#include "shared/wire/msgpack_rpc.hpp"
#include "tests/support/catch.hpp"

namespace agora {
namespace {

std::string call_of(std::uint64_t id, std::string_view method, const std::string& params,
                    std::uint32_t count) {
  std::string bytes;
  Writer out{bytes};
  out.list(4);
  out.integer(0), out.unsigned_integer(id), out.text(method), out.list(count);
  return bytes + params;
}

/// Checks that framer and decoder read a message that the fast path accepts as the same call.
void check_against_decoder(const std::string& bytes) {
  SimpleCall simple;
  if (!read_simple_call(bytes, simple)) return;
  MsgpackFramer framer{FrameBounds{Limits{}}};
  REQUIRE(framer.scan(bytes) == FrameStatus::frame);
  REQUIRE(framer.frame_bytes() == simple.frame_bytes);
  std::string out;
  const Message message =
      decode_msgpack_call(std::string_view{bytes}.substr(0, simple.frame_bytes), Limits{}, out);
  REQUIRE_FALSE(message.refusal);
  CHECK(message.request.method == simple.method);
  std::string id;
  Writer{id}.unsigned_integer(simple.id);
  CHECK(message.request.id.bytes() == id);
  std::string params;
  Writer{params}.list(static_cast<std::uint32_t>(simple.count));
  for (const PackedView value : simple.params()) params += value.bytes();
  CHECK(message.request.params.bytes() == params);
}

TEST_CASE("msgpack fast path: reads the most frequent calls", "[wire]") {
  std::string params;
  Writer out{params};
  out.text("jobs"), out.integer(-5), out.unsigned_integer(70'000), out.real(1.5);
  out.text(std::string(64, 'x')), out.boolean(true);
  const std::string bytes = call_of(300, "dict.set", params, 6);
  SimpleCall call;
  const std::string longer = bytes + "more";
  REQUIRE(read_simple_call(longer, call));
  CHECK(call.frame_bytes == bytes.size());
  CHECK(call.id == 300);
  CHECK(call.method == "dict.set");
  CHECK(call.count == 6);
  check_against_decoder(bytes);
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    CHECK_FALSE(read_simple_call(bytes.substr(0, cut), call));
  }
}

TEST_CASE("msgpack fast path: declines every other value", "[wire]") {
  const std::string unusual[] = {std::string{"\xa2\xc3\xa4"},             // text beyond ASCII
                                 std::string{"\xd9\x01x"},                // not the shortest header
                                 std::string{"\xcc\x05"},                 // not the shortest int
                                 std::string{"\xca\x3f\x80\x00\x00", 5},  // a 32-bit float
                                 std::string{"\xd0\x05"},  // a signed int that has a shorter form
                                 std::string{"\x91\x01"},
                                 std::string{"\x81\x01\x02"},
                                 std::string{"\xc5\x00\x01x", 4},  // not the shortest header
                                 std::string{"\xd4\x01x"}};
  for (const std::string& value : unusual) {
    SimpleCall call;
    CHECK_FALSE(read_simple_call(call_of(1, "m", value, 1), call));
  }
}

TEST_CASE("msgpack fast path: only bytes not known to be ASCII are checked", "[wire]") {
  std::string value;
  Writer{value}.text(std::string(100, 'x'));
  std::string bytes = call_of(1, "dict.set", value, 1);
  SimpleCall call;
  for (std::size_t known = 0; known <= bytes.size(); ++known) {
    CHECK(read_simple_call(bytes, call, known));
    CHECK(call.values[0].bytes() == value);
  }
  bytes[bytes.size() - 50] = '\xff';
  CHECK_FALSE(read_simple_call(bytes, call, 0));
  CHECK_FALSE(read_simple_call(bytes, call, 49));
  CHECK(
      read_simple_call(bytes, call, 50));  // the caller vouched for this byte, so it is not checked
}

TEST_CASE("msgpack fast path: the decoder reads an accepted message as the same call", "[wire]") {
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  const std::string good = call_of(7, "dict.get",
                                   std::string{"\xa1"
                                               "d\x05\xd9\x20"} +
                                       std::string(32, 'k'),
                                   3);
  std::string large;
  Writer out{large};
  out.text(std::string(300, 'x')), out.text(std::string(70'000, 'y'));
  large += std::string{"\xc4\x02zz\xc5\x01\x00", 7} + std::string(256, '\xff');
  check_against_decoder(call_of(7, "dict.set", large, 4));
  SimpleCall call;
  CHECK(read_simple_call(call_of(7, "dict.set", large, 4), call));
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = i % 50 == 0 ? call_of(7, "m", large.substr(large.size() - 263), 2) : good;
    for (int change = 0; change < 1 + i % 3; ++change) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    check_against_decoder(bytes);
  }
}

}  // namespace
}  // namespace agora
