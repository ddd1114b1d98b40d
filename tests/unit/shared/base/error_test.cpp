// SPDX-License-Identifier: MIT

#include "shared/base/error.hpp"

#include <algorithm>
#include <set>
#include <string>

#include "tests/support/catch.hpp"

using namespace agora;

TEST_CASE("error table: each error has a unique number and a unique name", "[base]") {
  std::set<Errc> codes;
  std::set<std::string_view> names;
  for (const ErrcRow& row : errc_table()) {
    INFO(row.type);
    CHECK(codes.insert(row.code).second);
    CHECK(names.insert(row.type).second);
    CHECK(row.doc.ends_with('.'));
  }
  CHECK(codes.size() == 38);
}

TEST_CASE("error table: agora's own errors have the numbers 1 to 33 without a gap", "[base]") {
  for (std::int64_t number = 1; number <= 33; ++number) {
    const auto code = errc_of(number);
    INFO(number);
    REQUIRE(code);
    CHECK(static_cast<std::int64_t>(*code) == number);
    CHECK(errc_table()[static_cast<std::size_t>(number) - 1].code == *code);
  }
}

TEST_CASE("error table: numbers and names on the wire are those of the contract", "[base]") {
  CHECK(type_name(Errc::key_error) == "KeyError");
  CHECK(type_name(Errc::runtime_error) == "RuntimeError");
  CHECK(type_name(Errc::parse_error) == "ParseError");
  CHECK(errc_of(5) == Errc::empty);
  CHECK(errc_of(25) == Errc::too_large);
  CHECK(errc_of(-32602) == Errc::invalid_params);
}

TEST_CASE("errc_of: a number that is not an error has no code", "[base]") {
  for (const std::int64_t number :
       {std::int64_t{0}, std::int64_t{34}, std::int64_t{-1}, std::int64_t{-32604},
        (std::int64_t{1} << 32) + 1, std::int64_t{INT64_MIN}}) {
    INFO(number);
    CHECK_FALSE(errc_of(number));
  }
}

TEST_CASE("type_name: an unknown code is an InternalError", "[base]") {
  CHECK(type_name(static_cast<Errc>(99)) == "InternalError");
}

TEST_CASE("done: each value round-trips through its text", "[base]") {
  for (const Done done : {Done::no, Done::yes, Done::unknown}) {
    CHECK(done_of(to_string(done)) == done);
  }
  CHECK(to_string(Done::no) == "no");
  CHECK(done_of("perhaps") == Done::unknown);
}
