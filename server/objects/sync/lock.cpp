// SPDX-License-Identifier: MIT

// lock: a mutex, granted in FIFO order. multiprocessing.Lock, with an owner. Its state and handlers
// are in lock_state.hpp.

#include "server/objects/sync/lock_methods.hpp"
#include "server/objects/types.hpp"

namespace agora {
namespace {

constexpr LockRows kMethods = lock_methods(
    "Acquires the lock, or waits for it in FIFO order. The token is greater than that "
    "of every earlier grant. owner_died says that the previous owner ended while it "
    "held the lock, or that its lease was over. With a lease the grant ends after it as by "
    "the death of the owner. An owner that waits for itself, directly or in a cycle, gets "
    "Deadlock.",
    "Releases the lock, which passes to the next waiter or becomes free. Only its owner "
    "may release it, unless the lock was created with owner_checked=false.");
static_assert(check_table(kMethods.rows));

constexpr Parameter kOptions[] = {kOwnerChecked, kOnOwnerDeath};

}  // namespace

const ObjectType& lock_type() {
  static constexpr ObjectType kType{
      .name = "lock",
      .doc =
          "A mutex with one owner at a time, granted in FIFO order; passes on when its owner dies.",
      .options = kOptions,
      .methods = kMethods.rows,
      .lends_locks = true,
      .create = [](Creation& creation) { return create_lock(creation, false); },
      .load = [](Creation& creation,
                 PackedView saved) { return load_lock(creation, saved, false); }};
  return kType;
}

}  // namespace agora
