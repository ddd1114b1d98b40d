// SPDX-License-Identifier: MIT

// rlock: a recursive mutex. multiprocessing.RLock.
//
// All levels are one grant under one token. Its state and handlers are in lock_state.hpp.

#include "server/objects/sync/lock_methods.hpp"
#include "server/objects/types.hpp"

namespace agora {
namespace {

constexpr LockRows kMethods = lock_methods(
    "Acquires the lock, or waits for it in FIFO order. Its owner gets it again at once, "
    "under the same token, and must release it as often. The token is greater than that "
    "of every earlier grant. owner_died says that the previous owner ended while it "
    "held the lock, or that its lease was over. With a lease the grant ends after it as by "
    "the death of the owner; a lease given with a further level replaces the earlier one. "
    "Owners that wait for each other in a cycle get Deadlock.",
    "Releases one acquire; the last one passes the lock to the next waiter, or frees "
    "it. Only its owner may release it, unless the lock was created with "
    "owner_checked=false.");
static_assert(check_table(kMethods.rows));

constexpr Parameter kOptions[] = {kOwnerChecked, kOnOwnerDeath};

}  // namespace

const ObjectType& rlock_type() {
  static constexpr ObjectType kType{
      .name = "rlock",
      .doc = "A recursive mutex: its owner may take it again; passes on when its owner dies.",
      .options = kOptions,
      .methods = kMethods.rows,
      .lends_locks = true,
      .create = [](Creation& creation) { return create_lock(creation, true); },
      .load = [](Creation& creation,
                 PackedView saved) { return load_lock(creation, saved, true); }};
  return kType;
}

}  // namespace agora
