// SPDX-License-Identifier: MIT

#include "shared/value/codec.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/unit/shared/value/random_values.hpp"
#include "tests/unit/shared/value/samples.hpp"

using namespace agora;
using namespace agora::test;

namespace {

template <typename T>
std::string failure_of(const Packed& value) {
  auto result = unpack<T>(value);
  if (result) return "decoded";
  return std::string(type_name(result.error().code)) + ": " + result.error().message;
}

template <typename T>
void check_bounds() {
  for (const T value : {std::numeric_limits<T>::min(), T{0}, T{1}, std::numeric_limits<T>::max()}) {
    auto back = unpack<T>(pack(value));
    REQUIRE(back);
    CHECK(*back == value);
  }
  if constexpr (sizeof(T) < 8) {
    const auto low = static_cast<std::int64_t>(std::numeric_limits<T>::min()) - 1;
    const auto high = static_cast<std::int64_t>(std::numeric_limits<T>::max()) + 1;
    CHECK(failure_of<T>(pack(low)).starts_with("ValueError: expected int from "));
    CHECK(failure_of<T>(pack(high)).starts_with("ValueError: expected int from "));
  }
}

}  // namespace

TEST_CASE("int codec: each width round-trips its bounds and refuses numbers beyond", "[value]") {
  check_bounds<std::int8_t>();
  check_bounds<std::int16_t>();
  check_bounds<std::int32_t>();
  check_bounds<std::int64_t>();
  check_bounds<std::uint8_t>();
  check_bounds<std::uint16_t>();
  check_bounds<std::uint32_t>();
  check_bounds<std::uint64_t>();
  check_bounds<long long>();
  check_bounds<unsigned long long>();
}

TEST_CASE("int codec: the error for a number out of range names the range", "[value]") {
  CHECK(failure_of<std::int8_t>(pack(300)) ==
        "ValueError: expected int from -128 to 127, found int 300");
  CHECK(failure_of<std::uint16_t>(pack(-1)) ==
        "ValueError: expected int from 0 to 65535, found int -1");
  CHECK(failure_of<std::int64_t>(pack(UINT64_MAX)) ==
        "ValueError: expected int from -9223372036854775808 to 9223372036854775807, found int "
        "18446744073709551615");
  CHECK(failure_of<std::uint64_t>(pack(-1)) ==
        "ValueError: expected int from 0 to 18446744073709551615, found int -1");
}

TEST_CASE("int codec: bools, floats and text are a type error", "[value]") {
  CHECK(failure_of<int>(pack(true)) == "TypeError: expected int, found bool true");
  CHECK(failure_of<int>(pack(2.0)) == "TypeError: expected int, found float 2.0");
  CHECK(failure_of<unsigned>(pack(2.5)) == "TypeError: expected int, found float 2.5");
  CHECK(failure_of<int>(pack("5")) == "TypeError: expected int, found text \"5\"");
  CHECK(failure_of<int>(pack(nullptr)) == "TypeError: expected int, found null");
  CHECK(failure_of<int>(pack(std::vector<int>{1})) == "TypeError: expected int, found list");
}

TEST_CASE("codecs: an absent value is a type error for each type", "[value]") {
  CHECK(unpack<int>(PackedView()).error().message == "expected int, found nothing");
  CHECK(unpack<bool>(PackedView()).error().message == "expected bool, found nothing");
  CHECK(unpack<double>(PackedView()).error().message == "expected float, found nothing");
  CHECK(unpack<std::string>(PackedView()).error().message == "expected text, found nothing");
  CHECK(unpack<std::nullptr_t>(PackedView()).error().message == "expected null, found nothing");
  CHECK(unpack<std::vector<int>>(PackedView()).error().message ==
        "expected list of int, found nothing");
}

TEST_CASE("bool codec: only a bool decodes as a bool", "[value]") {
  CHECK(*unpack<bool>(pack(true)));
  CHECK_FALSE(*unpack<bool>(pack(false)));
  CHECK(failure_of<bool>(pack(1)) == "TypeError: expected bool, found int 1");
  CHECK(failure_of<bool>(pack(nullptr)) == "TypeError: expected bool, found null");
}

TEST_CASE("float codec: floats round-trip bit by bit", "[value]") {
  CHECK(rc::check("double round trip", [] {
    const double number = random_real();
    const auto back = unpack<double>(pack(number));
    RC_ASSERT(std::bit_cast<std::uint64_t>(*back) == std::bit_cast<std::uint64_t>(number));
  }));
  CHECK(*unpack<float>(pack(0.1F)) == 0.1F);
  CHECK(pack(0.5F).bytes() == pack(0.5).bytes());
}

TEST_CASE("float codec: an int decodes as a float, a bool does not", "[value]") {
  CHECK(*unpack<double>(pack(-3)) == -3.0);
  CHECK(*unpack<double>(pack(UINT64_MAX)) == 18446744073709551616.0);
  CHECK(*unpack<float>(pack(3)) == 3.0F);
  CHECK(failure_of<double>(pack(true)) == "TypeError: expected float, found bool true");
  CHECK(failure_of<float>(pack("x")) == "TypeError: expected float, found text \"x\"");
}

TEST_CASE("float codec: a double outside of float is out of range, infinity is not", "[value]") {
  CHECK(failure_of<float>(pack(1e300)) ==
        "ValueError: expected float in the range of 32 bits, found float 1e+300");
  CHECK(std::isinf(*unpack<float>(pack(HUGE_VAL))));
  CHECK(std::isnan(*unpack<float>(pack(NAN))));
}

TEST_CASE("text codec: encodes every text type of C++", "[value]") {
  const std::string expected = bytes_of({0xa2, 'h', 'i'});
  const char* pointer = "hi";
  char buffer[] = "hi";
  CHECK(pack("hi").bytes() == expected);
  CHECK(pack(pointer).bytes() == expected);
  CHECK(pack(buffer).bytes() == expected);
  CHECK(pack(std::string("hi")).bytes() == expected);
  CHECK(pack(std::string_view("hi")).bytes() == expected);
  CHECK(pack(std::string("h\0i", 3)).bytes() == bytes_of({0xa3, 'h', 0, 'i'}));
}

TEST_CASE("text codec: decodes to a string or to a view of the value", "[value]") {
  const Packed value = pack("hello");
  CHECK(*unpack<std::string>(value) == "hello");
  const auto view = unpack<std::string_view>(value);
  CHECK(*view == "hello");
  CHECK(view->data() == value.bytes().data() + 1);
  CHECK(failure_of<std::string>(pack(5)) == "TypeError: expected text, found int 5");
  CHECK(failure_of<std::string>(pack(reference{"r"})) ==
        "TypeError: expected text, found reference \"r\"");
}

TEST_CASE("bytes codec: vectors of std::byte are bytes", "[value]") {
  const std::vector<std::byte> raw{std::byte{0}, std::byte{0xff}};
  CHECK(pack(raw).bytes() == bytes_of({0xc4, 2, 0, 0xff}));
  CHECK(pack(std::span<const std::byte>(raw)).bytes() == bytes_of({0xc4, 2, 0, 0xff}));
  CHECK(*unpack<std::vector<std::byte>>(pack(raw)) == raw);
  CHECK(unpack<std::vector<std::byte>>(pack(std::vector<std::byte>{}))->empty());
  CHECK(failure_of<std::vector<std::byte>>(pack("x")) ==
        "TypeError: expected bytes, found text \"x\"");
}

TEST_CASE("reference codec: a reference is a kind of its own", "[value]") {
  const reference jobs{"jobs"};
  CHECK(pack(jobs).kind() == Kind::reference);
  CHECK(*unpack<reference>(pack(jobs)) == jobs);
  CHECK(reference{"a"} < reference{"b"});
  CHECK(std::hash<reference>{}(jobs) == std::hash<reference>{}(reference{"jobs"}));
  CHECK(failure_of<reference>(pack("jobs")) ==
        "TypeError: expected reference, found text \"jobs\"");
}

TEST_CASE("null codec: unit types are null", "[value]") {
  CHECK(pack(nullptr).bytes() == "\xc0");
  CHECK(pack(std::monostate{}).bytes() == "\xc0");
  CHECK(pack(std::nullopt).bytes() == "\xc0");
  CHECK(unpack<std::nullptr_t>(pack(nullptr)));
  CHECK(failure_of<std::monostate>(pack(0)) == "TypeError: expected null, found int 0");
}

TEST_CASE("optional codec: an optional is null or its value", "[value]") {
  using Maybe = std::optional<int>;
  CHECK(pack(Maybe{}).bytes() == "\xc0");
  CHECK(pack(Maybe{5}).bytes() == "\x05");
  CHECK(*unpack<Maybe>(pack(nullptr)) == std::nullopt);
  CHECK(*unpack<Maybe>(pack(5)) == 5);
  CHECK(failure_of<Maybe>(pack("x")) == "TypeError: expected int, found text \"x\"");
  CHECK(Codec<Maybe>::name() == "int or null");
}

TEST_CASE("codecs: characters, enums and pointers have none", "[value]") {
  enum class Colour { red };
  STATIC_REQUIRE_FALSE(Encodable<char>);
  STATIC_REQUIRE_FALSE(Encodable<Colour>);
  STATIC_REQUIRE_FALSE(Encodable<int*>);
  STATIC_REQUIRE_FALSE(Encodable<std::vector<Colour>>);
  STATIC_REQUIRE(Encodable<const char*>);
  STATIC_REQUIRE_FALSE(Decodable<const char*>);
  STATIC_REQUIRE_FALSE(Decodable<std::vector<const char*>>);
}

namespace {

struct Point {
  int x = 0;
  int y = 0;
};

}  // namespace

template <>
struct agora::Codec<Point> {
  static void encode(Writer& writer, const Point& value) {
    Codec<std::pair<int, int>>::encode(writer, {value.x, value.y});
  }
  static Expected<Point> decode(PackedView value) {
    auto pair = Codec<std::pair<int, int>>::decode(value);
    if (!pair) return pair.failure();
    return Point{pair->first, pair->second};
  }
  static std::string name() { return "point"; }
};

TEST_CASE("codecs: a user's type works inside containers", "[value]") {
  const auto back = unpack<std::vector<Point>>(pack(std::vector<Point>{{1, 2}, {3, 4}}));
  REQUIRE(back);
  CHECK((*back)[1].y == 4);
  CHECK(Codec<std::vector<Point>>::name() == "list of point");
}
