// Deadlock detection: a deadlock is a cycle in the wait-for graph of owners. An owner waits for the
// holders of a lock, and for incompatible waiters ahead of it in the lock's queue.
//
// A cycle is found when it closes: when a call begins to wait, when an owner that waits elsewhere
// gets a grant, and when a condition.wait begins to reacquire its lock. Waiters outside the cycle
// are not affected. A cycle of only condition.waits that reacquire their locks stays, since these
// are never refused; server.waits shows it.
#pragma once

#include <optional>

#include "server/core/machine/machine.hpp"

namespace agora {

/// Returns the error for a waiter that has just been parked, if it closes a cycle. The error's
/// details have the cycle, this waiter first. Cost: O(1) if the waiter's owner holds nothing; else
/// all owners for which it waits, directly or indirectly, and their waits.
std::optional<Error> closed_cycle(Machine& machine, Waiter& waiter);

/// Refuses the newest acquire in each cycle through `owner`. Call it when the owner got a grant or
/// waits for something new. Cost: O(1) for an owner that waits for nothing; else as closed_cycle
/// for each of its waits.
void break_cycles(Machine& machine, const OwnerRef& owner);

}  // namespace agora
