// SPDX-License-Identifier: MIT

// The work that a call is expected to cost, before it is ordered.
#pragma once

#include <cstddef>

#include "server/core/machine/machine.hpp"

namespace agora {

/// Returns the units of work (Machine::spend) that the call in `command` may cost by its method's
/// cost, its arguments and the sizes of the objects that it names. The engine runs expensive calls
/// one by one; it decides nothing else by this, so the estimate need not be right. Cost: O(1); for
/// a transaction O(its calls), until they are more than `enough` units.
std::size_t estimated_work(Machine& machine, const Batch& batch, const Command& command,
                           std::size_t enough);

}  // namespace agora
