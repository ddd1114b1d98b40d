// SPDX-License-Identifier: MIT

#include "shared/value/msgpack_reader.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/unit/shared/value/random_values.hpp"
#include "tests/unit/shared/value/samples.hpp"

using namespace agora;
using namespace agora::test;
using Status = Reader::Status;

namespace {

Token only_token(const std::string& bytes) {
  Reader reader(bytes);
  Token token;
  REQUIRE(reader.next(token) == Status::ok);
  return token;
}

std::string repeated(const std::string& piece, std::size_t count) {
  std::string result;
  for (std::size_t i = 0; i < count; ++i) result += piece;
  return result;
}

}  // namespace

TEST_CASE("msgpack reader: naturals of every width are read, overlong ones included", "[value]") {
  for (const auto& bytes :
       {bytes_of({0x05}), bytes_of({0xcc, 5}), bytes_of({0xcd, 0, 5}), bytes_of({0xce, 0, 0, 0, 5}),
        bytes_of({0xcf, 0, 0, 0, 0, 0, 0, 0, 5}), bytes_of({0xd0, 5}), bytes_of({0xd1, 0, 5}),
        bytes_of({0xd2, 0, 0, 0, 5}), bytes_of({0xd3, 0, 0, 0, 0, 0, 0, 0, 5})}) {
    const Token token = only_token(bytes);
    CHECK(token.kind == Kind::integer);
    CHECK_FALSE(token.negative);
    CHECK(token.natural == 5);
    CHECK(token.integer == 5);
  }
  CHECK(only_token(bytes_of({0xcf, 255, 255, 255, 255, 255, 255, 255, 255})).natural == UINT64_MAX);
}

TEST_CASE("msgpack reader: negative numbers of every width are read", "[value]") {
  for (const auto& bytes : {bytes_of({0xff}), bytes_of({0xd0, 0xff}), bytes_of({0xd1, 0xff, 0xff}),
                            bytes_of({0xd2, 0xff, 0xff, 0xff, 0xff}),
                            bytes_of({0xd3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})}) {
    const Token token = only_token(bytes);
    CHECK(token.negative);
    CHECK(token.integer == -1);
  }
  CHECK(only_token(bytes_of({0xe0})).integer == -32);
  CHECK(only_token(bytes_of({0xd0, 0x80})).integer == -128);
  CHECK(only_token(bytes_of({0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0})).integer == INT64_MIN);
}

TEST_CASE("msgpack reader: floats of both widths are read", "[value]") {
  CHECK(only_token(bytes_of({0xca, 0x3f, 0xc0, 0, 0})).real == 1.5);
  CHECK(only_token(bytes_of({0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0})).real == 1.5);
  CHECK(std::isnan(only_token(bytes_of({0xca, 0x7f, 0xc0, 0, 0})).real));
}

TEST_CASE("msgpack reader: bodies are views into the input", "[value]") {
  for (const auto& bytes :
       {bytes_of({0xa2, 'h', 'i'}), bytes_of({0xd9, 2, 'h', 'i'}), bytes_of({0xda, 0, 2, 'h', 'i'}),
        bytes_of({0xdb, 0, 0, 0, 2, 'h', 'i'})}) {
    const Token token = only_token(bytes);
    CHECK(token.kind == Kind::text);
    CHECK(token.body == "hi");
    CHECK(token.body.data() == bytes.data() + bytes.size() - 2);
  }
  const std::string bytes = bytes_of({0xc6, 0, 0, 0, 1, 0xff});
  const Token raw = only_token(bytes);
  CHECK(raw.kind == Kind::bytes);
  CHECK(raw.body == "\xff");
}

TEST_CASE("msgpack reader: an extension is a reference, an opaque or unknown", "[value]") {
  const std::string reference_bytes = bytes_of({0xd5, 1, 'd', 'q'});
  const Token reference = only_token(reference_bytes);
  CHECK(reference.kind == Kind::reference);
  CHECK(reference.body == "dq");
  CHECK_FALSE(reference.unknown_extension);
  const std::string opaque_bytes = bytes_of({0xc7, 1, 2, 'x'});
  const Token opaque = only_token(opaque_bytes);
  CHECK(opaque.kind == Kind::opaque);
  CHECK_FALSE(opaque.unknown_extension);
  const std::string time_bytes = bytes_of({0xd6, 0xff, 0, 0, 0, 0});
  const Token time = only_token(time_bytes);
  CHECK(time.unknown_extension);
  CHECK(time.extension == -1);
  const std::string option_bytes = bytes_of({0xd4, 3, 0x80});
  const Token options = only_token(option_bytes);
  CHECK(options.unknown_extension);
  CHECK(options.extension == 3);
  CHECK(options.body == "\x80");
}

TEST_CASE("msgpack reader: a header that announces more than the input holds is truncated",
          "[value]") {
  for (const auto& bytes :
       {bytes_of({0xdd, 255, 255, 255, 255}), bytes_of({0xdf, 255, 255, 255, 255, 1, 1}),
        bytes_of({0xdb, 255, 255, 255, 255, 'x'}), bytes_of({0xc6, 0, 0, 0, 2, 'x'}),
        bytes_of({0xc9, 0, 0, 0, 2, 1, 'x'}), bytes_of({0x91}), bytes_of({0x81, 1}),
        bytes_of({0xd8, 1, 'x'}), bytes_of({0xcf, 0}), std::string()}) {
    Reader reader(bytes);
    Token token;
    CHECK(reader.next(token) == Status::truncated);
    CHECK(reader.position() == 0);
    CHECK_FALSE(reader.skip());
  }
}

TEST_CASE("msgpack reader: the byte 0xc1 is invalid and is not skipped", "[value]") {
  Reader reader(std::string_view("\xc1\x01"));
  Token token;
  CHECK(reader.next(token) == Status::invalid);
  CHECK(reader.position() == 0);
  CHECK_FALSE(reader.skip());
}

TEST_CASE("msgpack reader: every proper prefix of a value is truncated", "[value]") {
  CHECK(rc::check("no prefix is a whole value", [] {
    const std::string bytes = *values();
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      Reader reader(std::string_view(bytes).substr(0, size));
      RC_ASSERT_FALSE(reader.value().present());
    }
    Reader whole(bytes);
    RC_ASSERT(whole.value().bytes() == bytes);
    RC_ASSERT(whole.at_end());
  }));
}

TEST_CASE("msgpack reader: consecutive values are read one by one", "[value]") {
  const auto bytes = bytes_of({0x92, 0x01, 0x81, 0xa1, 'k', 0x02, 0x03, 0x80});
  Reader reader(bytes);
  CHECK(reader.value().bytes() == bytes.substr(0, 6));
  CHECK(reader.rest() == bytes.substr(6));
  CHECK(reader.value().bytes() == bytes.substr(6, 1));
  CHECK(reader.skip());
  CHECK(reader.at_end());
  CHECK_FALSE(reader.value().present());
}

TEST_CASE("msgpack reader: a value as deep as it is long is skipped without a stack", "[value]") {
  const std::string deep = repeated("\x91", 100'000) + "\x01";
  Reader reader(deep);
  CHECK(reader.skip());
  CHECK(reader.at_end());
  CHECK_FALSE(Reader(std::string_view(deep).substr(0, 100'000)).skip());
}

TEST_CASE("msgpack reader: skip stops early if headers together announce more than the input holds",
          "[value]") {
  const std::string nested = repeated(bytes_of({0xdc, 0x40, 0x00}), 24'000);
  Reader reader(nested);
  CHECK_FALSE(reader.skip());
  CHECK(reader.position() < 100);
}
