// SPDX-License-Identifier: MIT

// compare(): the order of values for sorting, as Python orders them.
#pragma once

#include <compare>
#include <optional>

#include "shared/value/packed.hpp"

namespace agora {

/// Returns the order of `a` and `b`: numbers among themselves (bool as 0 and 1, exact across int
/// and float), text by code points, bytes, lists element by element. Returns nullopt for two kinds
/// that have no common order. Recursion is bounded by the depth of the values.
std::optional<std::partial_ordering> compare(PackedView a, PackedView b);

}  // namespace agora
