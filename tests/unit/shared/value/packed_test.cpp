// SPDX-License-Identifier: MIT

#include "shared/value/packed.hpp"

#include <string>

#include "shared/value/msgpack_reader.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/shared/value/random_values.hpp"
#include "tests/unit/shared/value/samples.hpp"

using namespace agora;
using namespace agora::test;

TEST_CASE("packed: an absent view is not a null value", "[value]") {
  const PackedView absent;
  CHECK_FALSE(absent.present());
  CHECK_FALSE(absent.is_null());
  CHECK(Packed().view().present());
  CHECK(Packed().view().is_null());
  CHECK(Packed().kind() == Kind::null);
}

TEST_CASE("packed: kinds have the names of the documentation", "[value]") {
  CHECK(to_string(Kind::null) == "null");
  CHECK(to_string(Kind::boolean) == "bool");
  CHECK(to_string(Kind::integer) == "int");
  CHECK(to_string(Kind::real) == "float");
  CHECK(to_string(Kind::text) == "text");
  CHECK(to_string(Kind::bytes) == "bytes");
  CHECK(to_string(Kind::list) == "list");
  CHECK(to_string(Kind::map) == "map");
  CHECK(to_string(Kind::reference) == "reference");
  CHECK(to_string(Kind::opaque) == "opaque");
}

TEST_CASE("packed: kind() agrees with the reader", "[value]") {
  CHECK(rc::check("kind() agrees with the token", [] {
    const std::string bytes = *values();
    Token token;
    RC_ASSERT(Reader(bytes).next(token) == Reader::Status::ok);
    RC_ASSERT(PackedView(bytes).kind() == token.kind);
  }));
}

TEST_CASE("packed: kind() distinguishes references and opaques of every size", "[value]") {
  for (const std::size_t size : {0U, 1U, 2U, 3U, 4U, 8U, 16U, 17U, 255U, 256U, 65535U, 65536U}) {
    INFO(size);
    const std::string body(size, '\x01');
    const auto reference = written([&](Writer& writer) { writer.reference(body); });
    const auto opaque = written([&](Writer& writer) { writer.opaque(body); });
    CHECK(PackedView(reference).kind() == Kind::reference);
    CHECK(PackedView(opaque).kind() == Kind::opaque);
  }
}

TEST_CASE("packed: a value owns its bytes and moves them out", "[value]") {
  Packed value(PackedView("\x05"));
  CHECK(value == Packed(std::string("\x05")));
  CHECK_FALSE(value == Packed());
  CHECK(std::move(value).take() == "\x05");
}
