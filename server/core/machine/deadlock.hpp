// Deadlock: a cycle of owners, each of whom waits for what the next one has, or stands in line
// for before it.
//
// Cycles are found when they close: when a call begins to wait; when an owner that still waits
// elsewhere is granted something; when a condition.wait begins to take its lock back. Nobody else
// is disturbed. A cycle of nothing but condition.waits that take their locks back stays: those are
// never refused; server.waits shows it.
#pragma once

#include <optional>

#include "server/core/machine/machine.hpp"

namespace agora {

/// The error for a waiter that has just been parked, if it closes a cycle; the cycle is in the
/// details, this waiter first. Cost: O(1) for one who has nothing; else the owners that it waits
/// for, directly and through others, with their waits.
std::optional<Error> closed_cycle(Machine& machine, Waiter& waiter);

/// To be called when `owner` was granted something, or waits for something new: refuses the newest
/// acquire in each cycle that leads through this owner. Cost: O(1) for an owner that waits for
/// nothing; else as closed_cycle for each of its waits.
void break_cycles(Machine& machine, const OwnerRef& owner);

}  // namespace agora
