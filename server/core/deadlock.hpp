// Deadlock: a circle of owners, each of whom waits for what the next one has.
#pragma once

#include <optional>

#include "server/core/machine.hpp"

namespace agora {

/// The error for a waiter that has just been parked, if it closes a circle; the circle is in the
/// details, this waiter first. Cost: the owners that it waits for, directly and through others.
std::optional<Error> closed_cycle(Machine& machine, const Waiter& waiter);

}  // namespace agora
