// SPDX-License-Identifier: MIT

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
/// details have the cycle, this waiter first. Cost: O(1) if no other owner can wait for its
/// owner; else O(owners for which it waits, directly or indirectly, + their waits and the waiters
/// ahead of them), each visited once.
std::optional<Error> closed_cycle(Machine& machine, Waiter& waiter);

/// Refuses the newest acquire in each cycle through `owner`. Call it when the owner got a grant or
/// when a waiter of it was moved to another queue. Cost: O(1) for an owner that does not wait; else
/// that of closed_cycle, once for all its waits and once for each cycle.
void break_cycles(Machine& machine, const OwnerRef& owner);

}  // namespace agora
