// SPDX-License-Identifier: MIT

// Method: one row of a method table, and the checks of tables at compile time.
//
// Dispatch, arity and type errors, help, server.methods, catalog.json and the reference pages all
// come from these rows. An incomplete row does not compile (check_table at the end).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "shared/base/error.hpp"
#include "shared/base/expected.hpp"
#include "shared/base/role.hpp"

namespace agora {

class Call;

/// The outcome of a handler.
enum class Progress : std::uint8_t {
  done,     ///< the reply is written (or is null)
  waiting,  ///< the call is parked; State::serve will reply to it
};
using Outcome = Expected<Progress>;
using Handler = Outcome (*)(Call&);

/// The kinds of value that admission checks with the table alone.
enum class ParamKind : std::uint8_t {
  any,      ///< any value
  name,     ///< an object: its name as text, or a reference
  text,     ///< UTF-8 text; a typed line takes the word literally
  integer,  ///< an int (not a bool, not 2.0)
  number,   ///< an int or a float
  boolean,
  list,
  map,
  pairs,    ///< a map, or a list of [key, value]
  seconds,  ///< a number of seconds, or null for no limit
};

std::string_view to_string(ParamKind kind);

/// The value of a parameter that was left out.
struct Default {
  enum class Is : std::uint8_t {
    required,
    required_or_null,  ///< must be given, may be null
    absent,
    null,
    integer,
    boolean,
    text
  };
  Is is = Is::required;
  std::int64_t integer = 0;
  std::string_view text{};
};

constexpr Default kRequired{};
constexpr Default kRequiredOrNull{Default::Is::required_or_null};
constexpr Default kAbsent{Default::Is::absent};  ///< may be left out, which the handler can see
constexpr Default kNull{Default::Is::null};      ///< null; null may also be given
constexpr Default default_int(std::int64_t value) { return {Default::Is::integer, value, {}}; }
constexpr Default default_bool(bool value) { return {Default::Is::boolean, value ? 1 : 0, {}}; }
constexpr Default default_text(std::string_view value) { return {Default::Is::text, 0, value}; }

struct Parameter {
  std::string_view name{};
  ParamKind kind = ParamKind::any;
  Default fallback{};
  std::string_view doc{};  ///< shape, unit and range, as a sentence
  /// Admits ints beyond int64, for a parameter of kind integer; Call::integer saturates them, as an
  /// index beyond every length. Admission refuses them for all other parameters.
  bool beyond_int64 = false;

  constexpr bool is_required() const {
    return fallback.is == Default::Is::required || fallback.is == Default::Is::required_or_null;
  }
  constexpr bool takes_null() const {
    return name == "timeout" || fallback.is == Default::Is::null ||
           fallback.is == Default::Is::required_or_null;
  }
};

/// A short list within a constexpr table.
template <typename T, std::size_t Capacity>
struct FixedList {
  std::array<T, Capacity> items{};
  std::size_t count = 0;

  constexpr FixedList() = default;
  template <typename... Ts>
  requires(sizeof...(Ts) > 0 && sizeof...(Ts) <= Capacity) constexpr FixedList(const Ts&... ts)
      : items{ts...}, count(sizeof...(Ts)) {}  // NOLINT: implicit

  constexpr const T* begin() const { return items.data(); }
  constexpr const T* end() const { return items.data() + count; }
  constexpr std::size_t size() const { return count; }
  constexpr const T& operator[](std::size_t i) const { return items[i]; }
};

using Parameters = FixedList<Parameter, 6>;
using Errors = FixedList<Errc, 6>;

enum class Access : std::uint8_t {
  read,   ///< changes nothing; may be repeated freely
  write,  ///< may change something
};

/// The reply of a waiting method when its timeout is over: a value, or the error of that name.
enum class TimedOut : std::uint8_t { never_waits, null, no, empty, full, broken, timeout };

/// The calls by which a client logs in. The engine's login port verifies them.
enum class LoginCall : std::uint8_t { none, challenge, key, token };

struct Method {
  std::string_view name;        ///< without the type, as in "get"
  std::string_view formerly{};  ///< its name in version 0.1; errors offer the present one
  Parameters parameters{};      ///< after the object's name
  std::string_view result;      ///< the shape of the result, "null" for none
  Errors errors{};              ///< beyond those that every method of its kind may give
  Access access = Access::read;
  Role role = Role::none;     ///< the least role that may call it; none: by `access`
  bool before_login = false;  ///< works where login is required and has not happened
  LoginCall login = LoginCall::none;
  bool redelivers = false;  ///< items of a reply that is not acknowledged are delivered again
  TimedOut timed_out = TimedOut::never_waits;
  bool grows = false;      ///< refused while the memory cap is reached
  bool is_static = false;  ///< a method of the type: it takes no object's name
  bool delivers = false;   ///< it removes its result from the object (at-most-once delivery), so
                           ///< it does not run for a caller known to be dead
  std::string_view cost;   ///< in terms of n = elements of the object
  std::string_view doc;    ///< one or more sentences
  std::string_view
      if_reply_lost;  ///< the effect if the reply is lost, sent twice, or has no receiver
  Handler handler = nullptr;

  constexpr bool waits() const { return timed_out != TimedOut::never_waits; }
  /// Returns the least role that may call it.
  constexpr Role least_role() const {
    if (role != Role::none) return role;
    return access == Access::read ? Role::read : Role::write;
  }
  /// Tells by its cost whether one call may take much longer than it takes to send it. Then the
  /// engine estimates the call's work before it runs.
  constexpr bool scales() const {
    for (const std::string_view of :
         {"O(n", "O(other", "O(count", "O(keys", "O(values", "O(items", "O(elements", "O(objects",
          "O(all", "O(sessions", "O(waiters", "O(readers", "the cost of its calls"}) {
      if (cost.starts_with(of)) return true;
    }
    return false;
  }
};

/// For Parameter::beyond_int64.
constexpr bool kBeyondInt64 = true;

// Parameters with the same meaning in all methods.
constexpr Parameter kTimeout{"timeout", ParamKind::seconds, kNull,
                             "Seconds to wait at most; null waits for ever, 0 does not wait."};
constexpr Parameter kNameOf{"name", ParamKind::name, kRequired,
                            "The object, by name or reference."};
constexpr Parameter kOwner{"owner", ParamKind::text, default_text(""),
                           "Sub-identity within the session, for example a thread."};

constexpr bool is_sentence(std::string_view text) { return !text.empty() && text.back() == '.'; }

/// Refuses at compile time a table with an incomplete row.
template <std::size_t Rows>
consteval bool check_table(const Method (&table)[Rows]) {
  for (std::size_t i = 0; i < Rows; ++i) {
    const Method& row = table[i];
    if (row.name.empty() || row.result.empty() || row.cost.empty()) throw "row lacks a column";
    if (!is_sentence(row.doc) || !is_sentence(row.if_reply_lost)) throw "doc ends with a full stop";
#ifndef __SANITIZE_ADDRESS__  // g++ then does not treat a function's address as a constant (PR
                              // 71962)
    if (row.handler == nullptr) throw "row has no handler";
#endif
    bool has_timeout = false;
    bool optional_seen = false;
    for (const Parameter& parameter : row.parameters) {
      if (parameter.name.empty() || !is_sentence(parameter.doc)) throw "parameter lacks its doc";
      if (parameter.name == "timeout") has_timeout = true;
      const bool required = parameter.is_required();
      if (required && optional_seen) throw "a required parameter follows an optional one";
      optional_seen = optional_seen || !required;
    }
    if (row.waits() && !has_timeout) throw "a method that may wait takes a timeout";
    for (std::size_t j = 0; j < i; ++j) {
      if (table[j].name == row.name) throw "two rows have one name";
    }
  }
  return true;
}

}  // namespace agora
