// SPDX-License-Identifier: MIT

#include "shared/value/codec_chrono.hpp"

#include <chrono>
#include <cmath>
#include <ratio>
#include <string>
#include <vector>

#include "shared/base/time.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/shared/value/random_values.hpp"
#include "tests/unit/shared/value/samples.hpp"

using namespace agora;
using namespace std::chrono_literals;

TEST_CASE("duration codec: encodes seconds, always as a float", "[value]") {
  CHECK(pack(1500ms) == pack(1.5));
  CHECK(pack(2s) == pack(2.0));
  CHECK(pack(1min) == pack(60.0));
  CHECK(pack(-1ns) == pack(-1e-9));
  CHECK(pack(std::chrono::duration<double>(0.25)) == pack(0.25));
}

TEST_CASE("duration codec: decodes floats and ints", "[value]") {
  CHECK(*unpack<std::chrono::milliseconds>(pack(1.5)) == 1500ms);
  CHECK(*unpack<std::chrono::milliseconds>(pack(2)) == 2s);
  CHECK(unpack<std::chrono::duration<double>>(pack(1))->count() == 1.0);
  CHECK(*unpack<std::chrono::minutes>(pack(120)) == 2min);
}

TEST_CASE("duration codec: rounds to the nearest tick", "[value]") {
  CHECK(*unpack<Duration>(pack(0.3)) == 300ms);
  CHECK(*unpack<std::chrono::seconds>(pack(1.6)) == 2s);
  CHECK(*unpack<std::chrono::seconds>(pack(-1.6)) == -2s);
  CHECK(*unpack<std::chrono::seconds>(pack(2.5)) == 2s);
}

TEST_CASE("duration codec: nanoseconds round-trip through a float for weeks", "[value]") {
  CHECK(rc::check("nanosecond round trip", [] {
    const Duration span(
        *rc::gen::inRange<std::int64_t>(-2'000'000'000'000'000, 2'000'000'000'000'000));
    RC_ASSERT((*unpack<Duration>(pack(span)) == span));
  }));
}

TEST_CASE("duration codec: seconds out of range are a value error", "[value]") {
  for (const double seconds : {1e10, -1e10, 1e300, HUGE_VAL, -HUGE_VAL, double{NAN}}) {
    const auto result = unpack<Duration>(pack(seconds));
    REQUIRE_FALSE(result);
    CHECK(result.error().code == Errc::value_error);
  }
  using Small = std::chrono::duration<std::uint8_t>;
  CHECK(unpack<Small>(pack(255)));
  CHECK(unpack<Small>(pack(256)).error().message ==
        "expected seconds in the range of the duration, found int 256");
  CHECK_FALSE(unpack<Small>(pack(-1)));
}

TEST_CASE("duration codec: a duration of floats may be infinite", "[value]") {
  CHECK(std::isinf(unpack<std::chrono::duration<double>>(pack(HUGE_VAL))->count()));
}

TEST_CASE("duration codec: other kinds are a type error", "[value]") {
  CHECK(unpack<std::chrono::seconds>(pack("soon")).error().message ==
        "expected seconds (float or int), found text \"soon\"");
  CHECK(unpack<std::vector<std::chrono::seconds>>(pack(std::vector<bool>{true})).error().message ==
        "element 0: expected seconds (float or int), found bool true");
}
