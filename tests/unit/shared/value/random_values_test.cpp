// SPDX-License-Identifier: MIT

// Implements random_values.hpp, and tests that the generators draw every kind of value.
#include "tests/unit/shared/value/random_values.hpp"

#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/unit/shared/value/samples.hpp"

namespace agora::test {

double random_real() {
  return *rc::gen::oneOf(
      rc::gen::arbitrary<double>(),
      rc::gen::map(rc::gen::arbitrary<std::int16_t>(),
                   [](std::int16_t number) { return static_cast<double>(number) / 2; }),
      rc::gen::element(0.0, -0.0, 1.0, std::numeric_limits<double>::quiet_NaN(),
                       -std::numeric_limits<double>::infinity(),
                       std::numeric_limits<double>::infinity(), 9223372036854775808.0,
                       -9223372036854775808.0, 18446744073709551616.0, 9007199254740993.0, 5e-324));
}

std::string random_text() {
  std::string text;
  for (const auto& piece : *rc::gen::container<std::vector<std::string>>(rc::gen::element(
           std::string("a"), std::string("b"), std::string("\xc3\xa4"), std::string("\xe2\x82\xac"),
           std::string("\xf0\x9f\x98\x80"), std::string(1, '\0')))) {
    text += piece;
  }
  return text;
}

std::string random_bytes() { return *rc::gen::arbitrary<std::string>(); }

std::int64_t random_integer() {
  return *rc::gen::oneOf(rc::gen::arbitrary<std::int64_t>(), rc::gen::inRange<std::int64_t>(-2, 3),
                         rc::gen::cast<std::int64_t>(rc::gen::arbitrary<std::int16_t>()));
}

void write_hashable(Writer& writer, int depth);

void write_list_of_hashables(Writer& writer, int depth) {
  const auto count = *rc::gen::inRange<std::uint32_t>(0, 4);
  writer.list(count);
  for (std::uint32_t i = 0; i < count; ++i) write_hashable(writer, depth - 1);
}

void write_hashable(Writer& writer, int depth) {
  switch (*rc::gen::inRange(0, depth > 0 ? 9 : 8)) {
    case 0:
      return writer.null();
    case 1:
      return writer.boolean(*rc::gen::arbitrary<bool>());
    case 2:
      return writer.integer(random_integer());
    case 3:
      return writer.unsigned_integer(*rc::gen::arbitrary<std::uint64_t>());
    case 4:
      return writer.real(random_real());
    case 5:
      return writer.text(random_text());
    case 6:
      return writer.bytes(random_bytes());
    case 7:
      return writer.reference(random_text());
    default:
      return write_list_of_hashables(writer, depth);
  }
}

std::string random_opaque_payload() {
  return written([](Writer& writer) {
    const auto count = *rc::gen::inRange<std::uint32_t>(0, 3);
    writer.list(2);
    writer.bytes(random_bytes());
    writer.list(count);
    for (std::uint32_t i = 0; i < count; ++i) writer.reference(random_text());
  });
}

void write_value(Writer& writer, int depth);

std::vector<std::pair<std::string, std::string>> random_pairs(int depth) {
  std::vector<std::pair<std::string, std::string>> pairs;
  std::set<std::string> keys;
  const int count = *rc::gen::inRange(0, 12);
  for (int i = 0; i < count; ++i) {
    const auto key = written([](Writer& writer) { write_hashable(writer, 1); });
    if (!keys.insert(key_of(key)).second) continue;
    pairs.emplace_back(key, written([&](Writer& writer) { write_value(writer, depth - 1); }));
  }
  return pairs;
}

std::string packed_map(const std::vector<std::pair<std::string, std::string>>& pairs) {
  return written([&](Writer& writer) {
    writer.map(static_cast<std::uint32_t>(pairs.size()));
    for (const auto& [key, mapped] : pairs) {
      writer.packed(PackedView(key));
      writer.packed(PackedView(mapped));
    }
  });
}

void write_value(Writer& writer, int depth) {
  switch (*rc::gen::inRange(0, depth > 0 ? 6 : 4)) {
    case 4: {
      const auto count = *rc::gen::inRange<std::uint32_t>(0, 20);
      writer.list(count);
      for (std::uint32_t i = 0; i < count; ++i) write_value(writer, depth - 1);
      return;
    }
    case 5:
      return writer.packed(PackedView(packed_map(random_pairs(depth))));
    case 3:
      return writer.opaque(random_opaque_payload());
    default:
      return write_hashable(writer, depth);
  }
}

rc::Gen<std::string> values(int depth) {
  return rc::gen::exec(
      [depth] { return written([depth](Writer& writer) { write_value(writer, depth); }); });
}

rc::Gen<std::string> hashables(int depth) {
  return rc::gen::exec(
      [depth] { return written([depth](Writer& writer) { write_hashable(writer, depth); }); });
}

}  // namespace agora::test

using namespace agora;
using namespace agora::test;

TEST_CASE("random values: every kind occurs, in normal form", "[value]") {
  std::set<Kind> kinds;
  CHECK(rc::check("what is drawn is normal", [&kinds] {
    const std::string bytes = *values();
    kinds.insert(PackedView(bytes).kind());
    auto result = normal(bytes);
    RC_ASSERT(result.has_value());
  }));
  CHECK(kinds.size() > 5);
}
