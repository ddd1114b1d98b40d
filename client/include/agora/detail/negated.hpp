// SPDX-License-Identifier: MIT

// negated: the amount whose addition subtracts. namespace agora::detail: no part of the API.
#pragma once

#include <cstdint>
#include <type_traits>

#include "shared/value/any.hpp"

namespace agora::detail {

/// Returns minus `amount`, exactly. Some integers have no negative counterpart on the wire: the
/// unsigned ones from 2^63 on, and the least int64. For these it returns the integer that is equal
/// to it modulo 2^64. That is right for an object that wraps; for any other object the server
/// throws value_error.
template <typename T>
requires std::is_arithmetic_v<T> any negated(T amount) {
  if constexpr (std::is_floating_point_v<T>) {
    return any(-amount);
  } else {
    const auto wide = static_cast<std::uint64_t>(amount);
    const bool has_negative = std::is_signed_v<T> || wide <= std::uint64_t{INT64_MAX};
    if (has_negative) return any(static_cast<std::int64_t>(std::uint64_t{0} - wide));
    return any(std::uint64_t{0} - wide);
  }
}

}  // namespace agora::detail
