// SPDX-License-Identifier: MIT

#include "shared/value/normalize.hpp"

#include <string>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/unit/shared/value/random_values.hpp"
#include "tests/unit/shared/value/samples.hpp"

using namespace agora;
using namespace agora::test;

namespace {

std::string normal_or_error(const std::string& bytes) {
  auto result = normal(bytes);
  return result ? *result : result.error().message;
}

// Encodes the same value in the longest form that MessagePack allows.
void lengthen(Reader& reader, std::string& out) {
  Token token;
  RC_ASSERT(reader.next(token) == Reader::Status::ok);
  const auto wide = [&out](unsigned tag, std::uint64_t number, int width) {
    out.push_back(static_cast<char>(tag));
    for (int shift = 8 * (width - 1); shift >= 0; shift -= 8) {
      out.push_back(static_cast<char>(number >> shift));
    }
  };
  switch (token.kind) {
    case Kind::integer:
      if (token.natural > INT64_MAX) return wide(0xcf, token.natural, 8);
      return wide(0xd3, static_cast<std::uint64_t>(token.integer), 8);
    case Kind::text:
      wide(0xdb, token.body.size(), 4);
      out.append(token.body);
      return;
    case Kind::bytes:
      wide(0xc6, token.body.size(), 4);
      out.append(token.body);
      return;
    case Kind::reference:
      wide(0xc9, token.body.size(), 4);
      out.push_back(1);
      out.append(token.body);
      return;
    case Kind::opaque: {
      std::string payload;
      Reader inside(token.body);
      lengthen(inside, payload);
      wide(0xc9, payload.size(), 4);
      out.push_back(2);
      out.append(payload);
      return;
    }
    case Kind::list:
      wide(0xdd, token.count, 4);
      for (std::uint32_t i = 0; i < token.count; ++i) lengthen(reader, out);
      return;
    case Kind::map:
      wide(0xdf, token.count, 4);
      for (std::uint32_t i = 0; i < 2 * token.count; ++i) lengthen(reader, out);
      return;
    case Kind::real:
      return Writer(out).real(token.real);
    case Kind::boolean:
      return Writer(out).boolean(token.boolean);
    case Kind::null:
      return Writer(out).null();
  }
}

}  // namespace

TEST_CASE("normalize: a value in normal form is unchanged", "[value]") {
  CHECK(rc::check("normalize is idempotent", [] {
    const std::string bytes = *values();
    auto once = normal(bytes);
    RC_ASSERT(once.has_value());
    RC_ASSERT(*once == bytes);
  }));
}

TEST_CASE("normalize: the longest encoding of a value becomes the shortest", "[value]") {
  CHECK(rc::check("longer encodings normalise to the same bytes", [] {
    const std::string bytes = *values();
    std::string longer;
    Reader reader(bytes);
    lengthen(reader, longer);
    auto result = normal(longer);
    RC_ASSERT(result.has_value());
    RC_ASSERT(*result == bytes);
  }));
}

TEST_CASE("normalize: each overlong header and number is encoded again", "[value]") {
  struct Row {
    std::string from;
    std::string to;
  };
  const std::vector<Row> rows{
      {bytes_of({0xcc, 5}), bytes_of({5})},
      {bytes_of({0xd0, 0x7f}), bytes_of({0x7f})},
      {bytes_of({0xd0, 0xff}), bytes_of({0xff})},
      {bytes_of({0xd1, 0xff, 0x80}), bytes_of({0xd0, 0x80})},
      {bytes_of({0xd1, 1, 0x2c}), bytes_of({0xcd, 1, 0x2c})},
      {bytes_of({0xd2, 0, 1, 0, 0}), bytes_of({0xce, 0, 1, 0, 0})},
      {bytes_of({0xd3, 0, 0, 0, 1, 0, 0, 0, 0}), bytes_of({0xcf, 0, 0, 0, 1, 0, 0, 0, 0})},
      {bytes_of({0xca, 0x3f, 0xc0, 0, 0}), bytes_of({0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0})},
      {bytes_of({0xd9, 1, 'x'}), bytes_of({0xa1, 'x'})},
      {bytes_of({0xc5, 0, 1, 'x'}), bytes_of({0xc4, 1, 'x'})},
      {bytes_of({0xdc, 0, 1, 1}), bytes_of({0x91, 1})},
      {bytes_of({0xde, 0, 1, 1, 0xcc, 2}), bytes_of({0x81, 1, 2})},
      {bytes_of({0xc7, 1, 1, 'x'}), bytes_of({0xd4, 1, 'x'})},
      {bytes_of({0x93, 1, 0xcc, 2, 3}), bytes_of({0x93, 1, 2, 3})},
  };
  for (const Row& row : rows) CHECK(normal_or_error(row.from) == row.to);
}

TEST_CASE("normalize: a float of any value stays a float", "[value]") {
  for (const double number : {1.0, -0.0, 1e300}) {
    const auto bytes = written([&](Writer& writer) { writer.real(number); });
    CHECK(normal_or_error(bytes) == bytes);
  }
}

TEST_CASE("normalize: maps keep the order and the form of their keys", "[value]") {
  const auto map = bytes_of({0x83, 0xa1, 'b', 1, 0xa1, 'a', 2, 0xcb, 0x40, 0, 0, 0, 0, 0, 0, 0, 3});
  CHECK(normal_or_error(map) == map);
}

TEST_CASE("normalize: the payload of an opaque is normalized, too", "[value]") {
  const auto from = bytes_of({0xc7, 10, 2, 0xdc, 0, 2, 0xc4, 1, 'b', 0xdc, 0, 1, 0xd4});
  const auto whole = from.substr(0, 1) + '\x0c' + from.substr(2) + bytes_of({1, 'r'});
  CHECK(normal_or_error(whole) == bytes_of({0xd7, 2, 0x92, 0xc4, 1, 'b', 0x91, 0xd4, 1, 'r'}));
}

TEST_CASE("normalize: an opaque in normal form is unchanged", "[value]") {
  const auto opaque = bytes_of({0xd7, 2, 0x92, 0xc4, 1, 'b', 0x91, 0xd4, 1, 'r'});
  CHECK(normal_or_error(opaque) == opaque);
}

TEST_CASE("normalize: an opaque that is not [bytes, [references]] is refused", "[value]") {
  const std::vector<std::string> payloads{
      "",
      bytes_of({0x90}),
      bytes_of({0x93, 0xc4, 0, 0x90, 1}),
      bytes_of({0x92, 0xa0, 0x90}),
      bytes_of({0x92, 0xc4, 0, 0x80}),
      bytes_of({0x92, 0xc4, 0, 0x91, 0xa1, 'r'}),
      bytes_of({0x92, 0xc4, 0, 0x91, 0xd4, 2, 'r'}),
      bytes_of({0x92, 0xc4, 0, 0x91, 0xd4, 3, 'r'}),
      bytes_of({0x92, 0xc4, 0, 0x91, 0xd4, 1, 0xff}),
      bytes_of({0x92, 0xc4, 0, 0x90, 0x90}),
      bytes_of({0x92, 0xc4, 0, 0x91}),
      bytes_of({0xc1}),
      bytes_of({0x92, 0xc4, 0, 0xdd, 255, 255, 255, 255}),
  };
  for (const std::string& payload : payloads) {
    CHECK(outcome(written([&](Writer& writer) { writer.opaque(payload); })) == "ValueError");
  }
}

TEST_CASE("normalize: only the first value is consumed", "[value]") {
  std::string out = "x";
  Budget budget{Limits{}};
  auto taken = normalize(bytes_of({0x91, 0xcc, 1, 0x05}), out, budget);
  REQUIRE(taken);
  CHECK(*taken == 3);
  CHECK(out == "x\x91\x01");
}

TEST_CASE("normalize: the values of a message share the element budget", "[value]") {
  Limits limits;
  limits.elements_max = 5;
  Budget budget{limits};
  std::string out;
  CHECK(normalize(bytes_of({0x92, 1, 2}), out, budget));
  CHECK(budget.elements == 2);
  CHECK(normalize(bytes_of({1}), out, budget));
  auto third = normalize(bytes_of({0x91, 1}), out, budget);
  REQUIRE_FALSE(third);
  CHECK(third.error().code == Errc::too_large);
  REQUIRE(third.error().details.size() == 1);
  CHECK(third.error().details[0].name == "limit");
  CHECK(third.error().details[0].packed == pack("elements_max").bytes());
}

TEST_CASE("normalize: the values inside maps and opaques are charged, too", "[value]") {
  Limits limits;
  limits.elements_max = 5;
  const auto opaque = bytes_of({0xd7, 2, 0x92, 0xc4, 1, 'b', 0x91, 0xd4, 1, 'r'});
  CHECK(outcome(opaque, limits) == "ok");
  CHECK(outcome(bytes_of({0x82, 1, 1, 2, 2}), limits) == "ok");
  limits.elements_max = 4;
  CHECK(outcome(opaque, limits) == "TooLarge");
  CHECK(outcome(bytes_of({0x82, 1, 1, 2, 2}), limits) == "TooLarge");
}

TEST_CASE("normalize: empty lists and maps count for the depth", "[value]") {
  Limits limits;
  limits.depth_max = 2;
  CHECK(outcome(bytes_of({0x91, 0x91, 1}), limits) == "ok");
  CHECK(outcome(bytes_of({0x91, 0x90}), limits) == "ok");
  CHECK(outcome(bytes_of({0x91, 0x91, 0x90}), limits) == "TooLarge");
  CHECK(outcome(bytes_of({0x91, 0x81, 1, 0x80}), limits) == "TooLarge");
  CHECK(outcome(bytes_of({0x92, 0x91, 1, 0x91, 1}), limits) == "ok");
}
