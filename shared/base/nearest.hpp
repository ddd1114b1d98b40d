// SPDX-License-Identifier: MIT

// "Did you mean": finds the names in a list that are closest to a mistyped one.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace agora {

/// Returns the edit distance from `a` to `b` (optimal string alignment, a restricted
/// Damerau-Levenshtein distance): letters added, removed, changed, or swapped with their neighbour.
/// The case of ASCII letters does not count. Only the first 64 bytes of each are read. Cost:
/// product of the two lengths.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// Returns up to three of `names` close to `name`, the closest first, equally close ones in list
/// order. Close means a distance of at most a third of the length of `name`, or of two. Returns
/// nothing if `name` has more than 64 bytes. The views are copies of those in `names`.
std::vector<std::string_view> nearest(std::string_view name,
                                      std::span<const std::string_view> names);

}  // namespace agora
