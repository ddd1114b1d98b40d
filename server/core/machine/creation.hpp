// SPDX-License-Identifier: MIT

// Checks the parameters of object.create against the type's table, and makes the errors that many
// methods share.
#pragma once

#include <optional>
#include <string_view>

#include "server/core/machine/machine.hpp"

namespace agora {

/// The options that every type has.
struct CommonOptions {
  bool exist_ok = true;
  bool ephemeral = false;
  std::optional<Duration> ttl;
  std::optional<bool> local;  ///< nullopt: the type's default
};

/// Returns the table rows of these options, for help and for the check.
std::span<const Parameter> common_options();

/// Fills `creation.arguments`, `creation.options` and `common` from the parameters of object.create
/// (absent views if they were left out).
/// @error value_error    unknown option; ttl out of range.
/// @error invalid_params too many arguments, or one of the wrong kind.
Expected<void> read_creation(const ObjectType& type, PackedView arguments, PackedView options,
                             Creation& creation, CommonOptions& common);

/// Returns the kinds of value that a kind of parameter takes, one bit each.
constexpr unsigned kinds_of(ParamKind kind) {
  const auto bit = [](Kind one) { return 1U << static_cast<unsigned>(one); };
  switch (kind) {
    case ParamKind::any:
      break;
    case ParamKind::name:
      return bit(Kind::text) | bit(Kind::reference);
    case ParamKind::text:
      return bit(Kind::text);
    case ParamKind::integer:
      return bit(Kind::integer);
    case ParamKind::number:
    case ParamKind::seconds:
      return bit(Kind::integer) | bit(Kind::real);
    case ParamKind::boolean:
      return bit(Kind::boolean);
    case ParamKind::list:
      return bit(Kind::list);
    case ParamKind::map:
      return bit(Kind::map);
    case ParamKind::pairs:
      return bit(Kind::map) | bit(Kind::list);
  }
  return ~0U;
}

/// Tells whether a value is of the parameter's kind, or null and the parameter takes null.
inline bool fits(PackedView value, const Parameter& parameter) {
  const Kind kind = value.kind();
  if (((kinds_of(parameter.kind) >> static_cast<unsigned>(kind)) & 1U) != 0) return true;
  return kind == Kind::null && parameter.takes_null();
}

/// Returns a text such as "expected list, got int 5".
std::string expected_got(const Parameter& parameter, PackedView value);

/// Checks a timeout or ttl: not negative, not NaN, at most `most`.
Expected<void> check_seconds(std::string_view parameter, PackedView value, double most,
                             bool takes_null = true);

/// Checks that clients cannot change the object without the server.
/// @param what  the operation that needs this, as in "watched", for the message
/// @error value_error  clients can; the message names local=false.
Expected<void> check_not_lent(const Object& object, std::string_view what);

Error missing_object(std::string_view name, const ObjectType& type);
Error wrong_type(const Object& object, const MethodRef& method);
Error memory_full(std::size_t cap);
/// Returns OutOfMemory for memory that the system refuses, although the cap allows it.
Error system_memory_full();
Error reply_too_large(std::size_t most);

}  // namespace agora
