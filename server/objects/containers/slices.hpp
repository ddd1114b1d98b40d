// SPDX-License-Identifier: MIT

// Slices: Python's indices and slices, for the sequences.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

namespace agora {

/// Returns the position of an index in a sequence of `length`: negative indices count from the end.
/// Returns nullopt if it is out of range.
inline std::optional<std::size_t> position_of(std::int64_t index, std::size_t length) {
  const auto n = static_cast<std::int64_t>(length);
  if (index < 0) index += n;
  if (index < 0 || index >= n) return std::nullopt;
  return static_cast<std::size_t>(index);
}

/// A slice by Python's rules: `count` positions from `start` on, `step` apart.
struct Slice {
  std::int64_t start = 0;
  std::int64_t step = 1;
  std::size_t count = 0;

  std::size_t at(std::size_t i) const {
    return static_cast<std::size_t>(start + static_cast<std::int64_t>(i) * step);
  }
};

/// Resolves a slice against a length. `step` must not be 0.
inline Slice slice_of(std::optional<std::int64_t> start, std::optional<std::int64_t> stop,
                      std::int64_t step, std::size_t length) {
  const auto n = static_cast<std::int64_t>(length);
  step = std::clamp<std::int64_t>(step, -n - 1, n + 1);  // a longer step selects nothing more
  const std::int64_t low = step < 0 ? -1 : 0;
  const std::int64_t high = step < 0 ? n - 1 : n;
  const auto bound = [&](std::optional<std::int64_t> given, std::int64_t otherwise) {
    if (!given) return otherwise;
    if (*given < 0) return std::max(*given < -n ? low : *given + n, low);
    return std::min(*given, high);
  };
  const std::int64_t first = bound(start, step < 0 ? high : low);
  const std::int64_t last = bound(stop, step < 0 ? low : high);
  const std::int64_t span = step < 0 ? first - last : last - first;
  const std::int64_t stride = step < 0 ? -step : step;
  return {first, step, span <= 0 ? 0 : static_cast<std::size_t>((span - 1) / stride + 1)};
}

}  // namespace agora
