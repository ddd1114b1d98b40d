// rlock: a lock that its owner may take again. multiprocessing.RLock.
//
// All levels are one grant under one token. What it does is in lock_state.hpp.

#include "server/objects/retry_semantics.hpp"
#include "server/objects/sync/lock_state.hpp"
#include "server/objects/types.hpp"

namespace agora {
namespace {

constexpr Method kMethods[] = {
    {.name = "acquire",
     .parameters = {kTimeout, kOwner},
     .result = kGrantResult,
     .errors = {Errc::deadlock, Errc::owner_died},
     .access = Access::write,
     .timed_out = TimedOut::null,
     .cost = "O(1), but for the search for a deadlock: O(waits that hang together)",
     .doc = "Takes the lock, or waits for it, first come, first served. Its owner gets it again at "
            "once, under the same token, and releases it as often. The token is greater than that "
            "of every earlier grant; owner_died says that the previous owner ended while it held "
            "the lock. Owners that wait for each other in a cycle get Deadlock.",
     .if_reply_lost = retry::kGrant,
     .handler = lock_acquire},
    {.name = "release",
     .parameters = {kOwner, kGrantToken},
     .result = "null",
     .errors = {Errc::not_locked, Errc::stale_token, Errc::not_owner},
     .access = Access::write,
     .cost = "O(1)",
     .doc = "Takes back one acquire; with the last one the lock goes to the next waiter, or is "
            "free. Only its owner may, unless the lock was made with owner_checked=false.",
     .if_reply_lost = retry::kOnce,
     .handler = lock_release},
    {.name = "locked",
     .result = "bool",
     .cost = "O(1)",
     .doc = "Whether somebody holds the lock.",
     .if_reply_lost = retry::kRead,
     .handler = lock_locked},
    {.name = "holder",
     .result = "{session, host, pid, owner, token, since}, or null if it is free",
     .cost = "O(1)",
     .doc = "Who holds the lock.",
     .if_reply_lost = retry::kRead,
     .handler = lock_holder},
    {.name = "reset",
     .result = "null",
     .access = Access::write,
     .cost = "O(1)",
     .doc = "Mends a lock that broke when its owner died. Does nothing to a sound one.",
     .if_reply_lost = retry::kIdempotent,
     .handler = lock_reset},
};
static_assert(check_table(kMethods));

constexpr Parameter kOptions[] = {kOwnerChecked, kOnOwnerDeath};

}  // namespace

const ObjectType& rlock_type() {
  static constexpr ObjectType kType{
      .name = "rlock",
      .doc = "A lock that its owner may take again; passes on when its owner dies.",
      .options = kOptions,
      .methods = kMethods,
      .lends_locks = true,
      .create = [](Creation& creation) { return create_lock(creation, true); },
      .load = [](Creation& creation,
                 PackedView saved) { return load_lock(creation, saved, true); }};
  return kType;
}

}  // namespace agora
