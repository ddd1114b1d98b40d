// SPDX-License-Identifier: MIT

// Comparison keys: the canonical bytes by which values are compared, hashed and looked up.
//
// Derived from normal form: a float with an integral value in int64 or uint64 range becomes that
// integer, -0.0 becomes 0, there is one NaN, maps are sorted by key. So 1 equals 1.0, true is not
// 1, 2 is not "2", text is not bytes. Two values are equal if and only if their comparison keys
// are.
#pragma once

#include <string>
#include <string_view>

#include "shared/base/expected.hpp"
#include "shared/value/packed.hpp"

namespace agora {

/// Returns true if values of that kind are always their own comparison key, and hashable.
constexpr bool is_plain_key(Kind kind) {
  constexpr unsigned kOthers =
      1U << static_cast<unsigned>(Kind::real) | 1U << static_cast<unsigned>(Kind::list) |
      1U << static_cast<unsigned>(Kind::map) | 1U << static_cast<unsigned>(Kind::opaque);
  return ((kOthers >> static_cast<unsigned>(kind)) & 1U) == 0;
}

/// Returns the comparison key of `value`. For most values that is a view of its own bytes, without
/// a copy. Otherwise the key is built in `scratch`, which must outlive the result.
std::string_view key_bytes(PackedView value, std::string& scratch);

/// Returns the comparison key of a value that is to be a dict key or a set member.
/// @error type_error  the value is, or contains, a map or an opaque, which are not hashable.
Expected<std::string_view> hashable_key(PackedView value, std::string& scratch);

/// Returns true if both have the same comparison key.
bool equal(PackedView a, PackedView b);

}  // namespace agora
