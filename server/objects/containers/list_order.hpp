// SPDX-License-Identifier: MIT

// The order of list.sort.
#pragma once

#include <vector>

#include "server/core/machine/call.hpp"
#include "server/objects/containers/list_state.hpp"

namespace agora {

/// Returns the elements in ascending order, or descending if `reversed`; equal ones keep their
/// order. Each element is reduced to a rank of 8 bytes first. Elements are compared whole only if
/// their ranks are equal, and so many of these comparisons are bounded.
/// @error type_error  two elements cannot be compared.
/// @error too_large   too many elements, or too many that must be compared whole.
Expected<std::vector<Handle>> sorted_elements(Call& call, const ListState& list,
                                              const std::vector<Handle>& elements, bool reversed);

}  // namespace agora
