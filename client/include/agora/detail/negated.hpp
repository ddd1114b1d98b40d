// negated: the amount that takes away what `amount` adds.
#pragma once

#include <cstdint>
#include <type_traits>

#include "shared/value/any.hpp"

namespace agora::detail {

/// Minus `amount`, exactly. Of an integer that has no negative counterpart on the wire (an
/// unsigned one from 2^63 on, the least int64) the one that is equal to it modulo 2^64: right
/// for an object that wraps, a value_error of the server for one that does not.
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
