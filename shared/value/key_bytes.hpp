// KeyBytes: the form by which values are compared, hashed and looked up.
//
// Derived from normal form: a float with an integral value in int64 or uint64 range becomes that
// integer, -0.0 becomes 0, there is one NaN, maps are sorted by key. So 1 equals 1.0, true is not
// 1, 2 is not "2", text is not bytes; two values are equal exactly if their KeyBytes are.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "shared/base/expected.hpp"
#include "shared/value/packed.hpp"

namespace agora {

/// True if values of that kind are always their own comparison key, and hashable.
constexpr bool is_plain_key(Kind kind) {
  constexpr unsigned kOthers =
      1U << static_cast<unsigned>(Kind::real) | 1U << static_cast<unsigned>(Kind::list) |
      1U << static_cast<unsigned>(Kind::map) | 1U << static_cast<unsigned>(Kind::opaque);
  return ((kOthers >> static_cast<unsigned>(kind)) & 1U) == 0;
}

/// The comparison key of `value`. For most values these are its own bytes, then no copy is made;
/// else they are built in `scratch`, which must live as long as the result is used.
std::string_view key_bytes(PackedView value, std::string& scratch);

/// The same, for a value that is to be a dict key or set member.
/// @error type_error  a map or opaque, or a list that contains one: not hashable.
Expected<std::string_view> hashable_key(PackedView value, std::string& scratch);

/// True if both have the same comparison key.
bool equal(PackedView a, PackedView b);

/// The order of two values for sort: numbers among themselves (bool as 0 and 1, exact across int
/// and float), text by code points, bytes, lists element by element. Nothing: not comparable.
std::optional<std::partial_ordering> compare(PackedView a, PackedView b);

}  // namespace agora
