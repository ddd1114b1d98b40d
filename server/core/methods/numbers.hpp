// SPDX-License-Identifier: MIT

// Arithmetic on packed values, for dict.add, list.add and value.add.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "shared/base/expected.hpp"
#include "shared/value/packed.hpp"

namespace agora {

/// The least and the greatest int of a type.
struct IntRange {
  std::int64_t least = std::numeric_limits<std::int64_t>::min();
  std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
};

/// Appends a + b to `out`. Two ints give an int, exactly; a float on either side gives a float.
/// @error type_error   one of them is not a number (a bool is not).
/// @error value_error  the sum of two ints is outside `range`.
Expected<void> add_numbers(PackedView a, PackedView b, std::string& out,
                           const IntRange& range = {});

/// The same for two ints modulo 2^64, as C's unsigned arithmetic: never out of range. The caller
/// narrows the result to a C type (see typecodes.hpp).
Expected<void> add_wrapping(PackedView a, PackedView b, std::string& out);

}  // namespace agora
