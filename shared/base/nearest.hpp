// "Did you mean": the names in a list that a mistyped word most likely stands for.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace agora {

/// How many letters must be added, left out, changed or swapped with their neighbour to turn `a`
/// into `b`; the case of ASCII letters does not count. Only the first 64 bytes of each are read.
/// Cost: product of the two lengths.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// Up to three of `names` close to `word`, the closest first, equally close ones in list order.
/// Empty if nothing is within a third of the word's length (at least two changes) or if `word`
/// has more than 64 bytes. The views are those of `names`.
std::vector<std::string_view> nearest(std::string_view word,
                                      std::span<const std::string_view> names);

}  // namespace agora
