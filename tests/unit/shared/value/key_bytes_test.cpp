// SPDX-License-Identifier: MIT

#include "shared/value/key_bytes.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/unit/shared/value/random_values.hpp"
#include "tests/unit/shared/value/samples.hpp"

using namespace agora;
using namespace agora::test;

namespace {

double real_of_bits(std::uint64_t bits) { return std::bit_cast<double>(bits); }

bool is_own(const std::string& bytes) {
  std::string scratch;
  return key_bytes(PackedView(bytes), scratch).data() == bytes.data();
}

// Rewrites a value into an equal one: integral floats as ints and vice versa, maps in reverse
// order.
void rewrite(Reader& reader, Writer& writer);

void rewrite_pairs(Reader& reader, std::uint32_t count, Writer& writer) {
  std::vector<std::string> pairs;
  for (std::uint32_t i = 0; i < count; ++i) {
    pairs.push_back(written([&](Writer& pair) {
      rewrite(reader, pair);
      rewrite(reader, pair);
    }));
  }
  for (auto pair = pairs.rbegin(); pair != pairs.rend(); ++pair) writer.out().append(*pair);
}

void rewrite(Reader& reader, Writer& writer) {
  const std::string_view before = reader.rest();
  Token token;
  RC_ASSERT(reader.next(token) == Reader::Status::ok);
  if (token.kind == Kind::integer && std::abs(token.integer) < (std::int64_t{1} << 50) &&
      (token.negative || token.natural < (std::uint64_t{1} << 50))) {
    writer.real(static_cast<double>(token.integer));
  } else if (token.kind == Kind::real && std::isnan(token.real)) {
    writer.real(real_of_bits(0xfff8000000000123));
  } else if (token.kind == Kind::list) {
    writer.list(token.count);
    for (std::uint32_t i = 0; i < token.count; ++i) rewrite(reader, writer);
  } else if (token.kind == Kind::map) {
    writer.map(token.count);
    rewrite_pairs(reader, token.count, writer);
  } else {
    writer.out().append(before.substr(0, before.size() - reader.rest().size()));
  }
}

std::string rewritten(const std::string& bytes) {
  Reader reader(bytes);
  return written([&](Writer& writer) { rewrite(reader, writer); });
}

}  // namespace

TEST_CASE("comparison key: a float with an integral value has the key of the integer", "[value]") {
  CHECK(key_of(pack(1.0)) == pack(1).bytes());
  CHECK(key_of(pack(-1.0)) == pack(-1).bytes());
  CHECK(key_of(pack(-33.0)) == pack(-33).bytes());
  CHECK(key_of(pack(0.0)) == pack(0).bytes());
  CHECK(key_of(pack(-0.0)) == pack(0).bytes());
  CHECK(key_of(pack(1e15)) == pack(1'000'000'000'000'000).bytes());
}

TEST_CASE("comparison key: integral floats equal ints up to both ends of the int range",
          "[value]") {
  CHECK(key_of(pack(-9223372036854775808.0)) == pack(INT64_MIN).bytes());
  CHECK(key_of(pack(9223372036854775808.0)) == pack(std::uint64_t{1} << 63).bytes());
  const double below_2_64 = std::nextafter(18446744073709551616.0, 0.0);
  CHECK(key_of(pack(below_2_64)) == pack(UINT64_MAX - 2047).bytes());
  for (const double beyond :
       {18446744073709551616.0, std::nextafter(-9223372036854775808.0, -1e30), 1e300,
        std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()}) {
    CHECK(key_of(pack(beyond)) == pack(beyond).bytes());
  }
}

TEST_CASE("comparison key: all NaNs have one key", "[value]") {
  const std::string one = key_of(pack(std::numeric_limits<double>::quiet_NaN()));
  for (const std::uint64_t bits :
       {0x7ff0000000000001U, 0xfff8000000000000U, 0x7ff8000000000001U, 0xffffffffffffffffU}) {
    CHECK(key_of(pack(real_of_bits(bits))) == one);
    CHECK(equal(pack(real_of_bits(bits)), pack(NAN)));
  }
}

TEST_CASE("comparison key: values of different kinds are unequal, except int and float",
          "[value]") {
  CHECK(equal(pack(1), pack(1.0)));
  CHECK_FALSE(equal(pack(1), pack(true)));
  CHECK_FALSE(equal(pack(0), pack(false)));
  CHECK_FALSE(equal(pack(0), pack(nullptr)));
  CHECK_FALSE(equal(pack(2), pack("2")));
  CHECK_FALSE(equal(pack("x"), pack(std::vector<std::byte>{std::byte{'x'}})));
  CHECK_FALSE(equal(pack("x"), pack(reference{"x"})));
  CHECK_FALSE(equal(pack(std::vector<int>{}), pack(std::map<int, int>{})));
  CHECK_FALSE(equal(pack(1.5), pack(1)));
}

TEST_CASE("comparison key: ints that round to the same float are unequal", "[value]") {
  CHECK_FALSE(equal(pack(std::int64_t{9007199254740993}), pack(9007199254740992.0)));
  CHECK(equal(pack(std::int64_t{9007199254740992}), pack(9007199254740992.0)));
}

TEST_CASE("comparison key: two values are equal if and only if their keys are", "[value]") {
  CHECK(rc::check("equal() is equality of keys", [] {
    const std::string a = *values(2);
    const std::string b = *values(2);
    RC_ASSERT(equal(PackedView(a), PackedView(b)) == (key_of(a) == key_of(b)));
    RC_ASSERT(equal(PackedView(a), PackedView(a)));
  }));
}

TEST_CASE("comparison key: does not depend on the form of numbers and the order of maps",
          "[value]") {
  CHECK(rc::check("a rewritten value has the same key", [] {
    const std::string bytes = *values();
    const std::string other = rewritten(bytes);
    RC_ASSERT(key_of(bytes) == key_of(other));
    RC_ASSERT(equal(PackedView(bytes), PackedView(other)));
  }));
}

TEST_CASE("comparison key: is idempotent", "[value]") {
  CHECK(rc::check("key(key(x)) == key(x)", [] {
    const std::string key = key_of(*values());
    RC_ASSERT(key_of(key) == key);
    RC_ASSERT(*normal(key) == key);
  }));
}

TEST_CASE("comparison key: shuffled maps are equal, changed ones are not", "[value]") {
  CHECK(rc::check("map order is irrelevant, values are not", [] {
    auto pairs = random_pairs(2);
    if (pairs.empty()) return;
    const std::string first = packed_map(pairs);
    const auto turn = *rc::gen::inRange<std::size_t>(0, pairs.size());
    std::rotate(pairs.begin(), pairs.begin() + static_cast<std::ptrdiff_t>(turn), pairs.end());
    RC_ASSERT(equal(PackedView(first), PackedView(packed_map(pairs))));
    pairs[0].second = joined({"\x91", pairs[0].second});
    RC_ASSERT_FALSE(equal(PackedView(first), PackedView(packed_map(pairs))));
  }));
}

TEST_CASE("comparison key: nested maps compare by their contents", "[value]") {
  using Inner = std::vector<std::pair<std::string, std::string>>;
  const auto number = [](auto value) { return pack(value).bytes(); };
  const auto one = packed_map(Inner{{number(1), number(1)}, {number(2), number(2)}});
  const auto same = packed_map(Inner{{number(2.0), number(2)}, {number(1), number(1.0)}});
  CHECK(equal(PackedView(joined({"\x91", one})), PackedView(joined({"\x91", same}))));
  const auto outer = packed_map(Inner{{number("m"), one}, {number("n"), one}});
  const auto outer_same = packed_map(Inner{{number("n"), same}, {number("m"), one}});
  CHECK(equal(PackedView(outer), PackedView(outer_same)));
}

TEST_CASE("comparison key: a key that is the value's own bytes is not copied", "[value]") {
  CHECK(is_own(pack(5).bytes()));
  CHECK(is_own(pack(std::string(100, 'x')).bytes()));
  CHECK(is_own(pack(true).bytes()));
  CHECK(is_own(pack(1.5).bytes()));
  CHECK(is_own(pack(std::vector<std::vector<int>>{{1}, {2}}).bytes()));
  CHECK(is_own(pack(std::map<std::string, double>{{"x", 1.5}}).bytes()));
  CHECK_FALSE(is_own(pack(1.0).bytes()));
  CHECK_FALSE(is_own(pack(std::vector<double>{1.5, 2.0}).bytes()));
}

TEST_CASE("comparison key: earlier content of the scratch buffer does not matter", "[value]") {
  std::string scratch = "left over";
  CHECK(key_bytes(pack(1.0), scratch) == pack(1).bytes());
  CHECK(key_bytes(pack(2.0), scratch) == pack(2).bytes());
}

TEST_CASE("hashable key: equals the comparison key for hashable values", "[value]") {
  CHECK(rc::check("hashable_key is key_bytes", [] {
    const std::string bytes = *hashables();
    std::string scratch;
    auto key = hashable_key(PackedView(bytes), scratch);
    RC_ASSERT(key.has_value());
    RC_ASSERT(*key == key_of(bytes));
  }));
}

TEST_CASE("hashable key: maps, opaques and lists of them are not hashable", "[value]") {
  const auto message = [](const std::string& bytes) {
    std::string scratch;
    auto key = hashable_key(PackedView(bytes), scratch);
    if (key) return std::string("hashable");
    CHECK(key.error().code == Errc::type_error);
    return key.error().message;
  };
  const auto opaque = bytes_of({0xd6, 2, 0x92, 0xc4, 0, 0x90});
  CHECK(message("\x80") == "a map cannot be a key or member of a set");
  CHECK(message(opaque) == "an opaque cannot be a key or member of a set");
  CHECK(message("\x91\x91\x80") == "a list that contains a map cannot be a key or member of a set");
  CHECK(message(joined({"\x91", opaque})) ==
        "a list that contains an opaque cannot be a key or member of a set");
  CHECK(message("\x91\xd4\x01r") == "hashable");
}
