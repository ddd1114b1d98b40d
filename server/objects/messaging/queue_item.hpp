// SPDX-License-Identifier: MIT

// QueueItem: one item of a queue and its place in the order, fixed for its lifetime.
//
// The place is assigned when the item is put: by priority first, then by arrival (for lifo: the
// latest first). So an item that is requeued comes back to the place that it would have if it had
// never left.
#pragma once

#include <cstdint>
#include <tuple>

#include "server/core/methods/scalar.hpp"
#include "server/storage/values.hpp"

namespace agora {

/// An int or a float, split so that all of them compare exactly: the nearest double, and for an int
/// its distance from that double.
struct Priority {
  double near = 0;
  std::int16_t rest = 0;  ///< -1,024 to 1,024: half the distance of two doubles below 2^64

  /// @param number  an int or a float in normal form; NaN gives NaN in `near`.
  static Priority of(PackedView number);
};

inline Priority Priority::of(PackedView number) {
  const Token token = read(number);
  if (token.kind == Kind::real) return {token.real, 0};
  if (token.negative) {
    const auto near = static_cast<double>(token.integer);
    return {near, static_cast<std::int16_t>(token.integer - static_cast<std::int64_t>(near))};
  }
  const auto near = static_cast<double>(token.natural);
  // The double nearest to the largest ints is 2^64, which does not fit in a uint64.
  if (near >= 0x1p64)
    return {near, static_cast<std::int16_t>(-1 - static_cast<int>(~token.natural))};
  const std::uint64_t back = static_cast<std::uint64_t>(near);
  return {near, static_cast<std::int16_t>(static_cast<std::int64_t>(token.natural - back))};
}

/// 24 bytes, so that a million small items fit in 40 MB together with their values.
struct QueueItem {
  double near = 0;         ///< Priority::near
  std::uint64_t rank = 0;  ///< among equal priorities; unique in a queue
  Handle value;
  std::int16_t rest = 0;         ///< Priority::rest
  std::uint16_t deliveries = 0;  ///< saturates at the maximum

  friend bool operator<(const QueueItem& a, const QueueItem& b) {
    return std::tie(a.near, a.rest, a.rank) < std::tie(b.near, b.rest, b.rank);
  }
};
static_assert(sizeof(QueueItem) == 24);

}  // namespace agora
