// SPDX-License-Identifier: MIT

#include <limits>

#include <rapidcheck.h>

#include <agora/detail/negated.hpp>
#include <agora/value.hpp>

#include "tests/support/catch.hpp"

using agora::any;
using agora::detail::negated;

TEST_CASE("negated: is exact where the wire has the negative number", "[client]") {
  CHECK(negated(5) == any(-5));
  CHECK(negated(-5) == any(5));
  CHECK(negated(0) == any(0));
  CHECK(negated(5u) == any(-5));
  CHECK(negated(2.5) == any(-2.5));
  CHECK(negated(std::int8_t{-128}) == any(128));
  CHECK(negated(std::uint64_t{INT64_MAX}) == any(-INT64_MAX));
}

TEST_CASE(
    "negated: where the wire has no negative number, adding the result is the same modulo 2^64",
    "[client]") {
  CHECK(negated(std::numeric_limits<std::uint64_t>::max()) == any(1));
  CHECK(negated(std::uint64_t{1} << 63) == any(std::uint64_t{1} << 63));
  CHECK(rc::check("modulo", [](std::uint64_t start, std::uint64_t amount) {
    const any minus = negated(amount);
    const auto natural = minus.if_is<std::uint64_t>();
    const std::uint64_t added =
        natural ? *natural : static_cast<std::uint64_t>(*minus.if_is<std::int64_t>());
    RC_ASSERT(start + added == start - amount);
  }));
}

TEST_CASE("typecode: each number type has its own, all other types have any", "[client]") {
  CHECK(agora::typecode_for<bool>() == "?");
  CHECK(agora::typecode_for<signed char>() == "b");
  CHECK(agora::typecode_for<std::uint8_t>() == "B");
  CHECK(agora::typecode_for<short>() == "h");
  CHECK(agora::typecode_for<std::uint16_t>() == "H");
  CHECK(agora::typecode_for<int>() == "i");
  CHECK(agora::typecode_for<unsigned>() == "I");
  CHECK(agora::typecode_for<long>() == "q");
  CHECK(agora::typecode_for<unsigned long long>() == "Q");
  CHECK(agora::typecode_for<float>() == "f");
  CHECK(agora::typecode_for<double>() == "d");
  CHECK(agora::typecode_for<std::string>() == "any");
  CHECK(agora::typecode_for<any>() == "any");
}
