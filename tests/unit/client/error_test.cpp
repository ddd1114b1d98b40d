// SPDX-License-Identifier: MIT

#include <set>
#include <string>
#include <type_traits>

#include <agora/error.hpp>

#include "shared/value/codec.hpp"
#include "tests/support/catch.hpp"

using namespace agora;

namespace {

// A class converts to std::exception only if that base is unambiguous. Otherwise
// catch (std::exception&) would miss it.
template <typename... E>
constexpr bool all_catchable = (... && (std::is_convertible_v<E&, std::exception&> &&
                                        std::is_convertible_v<E&, error&>));
static_assert(all_catchable<key_error, index_error, value_error, type_error, empty_error,
                            full_error, timeout_error, agora::not_found, exists_error, wrong_type,
                            not_owner, not_locked, broken_barrier, deadlock, agora::owner_died,
                            stale_token, conflict, cancelled, shut_down, end_of_stream>);
static_assert(
    all_catchable<session_lost, session_backlog, unauthenticated, forbidden, agora::too_large,
                  out_of_memory, overloaded, unavailable, storage_failed, user_error,
                  attribute_error, stop_iteration, agora::runtime_error, parse_error,
                  invalid_request, method_not_found, invalid_params, internal_error>);
static_assert(std::is_base_of_v<std::out_of_range, key_error>);
static_assert(std::is_base_of_v<std::invalid_argument, type_error>);
static_assert(std::is_base_of_v<std::runtime_error, timeout_error>);
static_assert(!std::is_base_of_v<std::exception, error>);
static_assert(std::is_nothrow_copy_constructible_v<key_error>);

Error sample(Errc code) {
  Error from{code, "what happened", Done::unknown, {}};
  from.details.push_back({"key", std::string(pack("k").bytes())});
  return from;
}

}  // namespace

TEST_CASE("error: every row of the table has a class of its own, which can be caught in three ways",
          "[client]") {
  std::set<std::string> classes;
  for (const ErrcRow& row : errc_table()) {
    CAPTURE(row.type);
    try {
      throw_error(sample(row.code));
    } catch (const error& caught) {
      CHECK(caught.code() == row.code);
      CHECK(caught.done() == Done::unknown);
      CHECK(caught.what() == std::string("what happened"));
      classes.insert(typeid(caught).name());
    }
    CHECK_THROWS_AS(throw_error(sample(row.code)), std::exception);
    CHECK_THROWS_WITH(throw_error(sample(row.code)), "what happened");
  }
  CHECK(classes.size() == errc_table().size());
}

TEST_CASE("error: can be caught by its own class and by its standard base", "[client]") {
  CHECK_THROWS_AS(throw_error(sample(Errc::key_error)), key_error);
  CHECK_THROWS_AS(throw_error(sample(Errc::key_error)), std::out_of_range);
  CHECK_THROWS_AS(throw_error(sample(Errc::timeout)), timeout_error);
  CHECK_THROWS_AS(throw_error(sample(Errc::invalid_params)), std::invalid_argument);
}

TEST_CASE("error: keeps its details, and copies share them", "[client]") {
  const key_error original(sample(Errc::key_error));
  const key_error copy = original;
  CHECK(copy.detail("key") == any("k"));
  CHECK_FALSE(copy.detail("limit"));
  CHECK(&copy.whole() == &original.whole());
  CHECK(std::string(copy.what()) == "what happened");
}
