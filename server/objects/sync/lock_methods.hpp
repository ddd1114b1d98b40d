// SPDX-License-Identifier: MIT

// The method rows of lock and rlock, which differ only in the docs of acquire and release.
#pragma once

#include <string_view>

#include "server/objects/retry_semantics.hpp"
#include "server/objects/sync/lock_state.hpp"

namespace agora {

struct LockRows {
  Method rows[5];
};

constexpr LockRows lock_methods(std::string_view acquire_doc, std::string_view release_doc) {
  return {{
      {.name = "acquire",
       .parameters = {kTimeout, kOwner},
       .result = kGrantResult,
       .errors = {Errc::deadlock, Errc::owner_died},
       .access = Access::write,
       .timed_out = TimedOut::null,
       .cost = "O(1), plus the deadlock detection: O(connected waits)",
       .doc = acquire_doc,
       .if_reply_lost = retry::kGrant,
       .handler = lock_acquire},
      {.name = "release",
       .parameters = {kOwner, kGrantToken},
       .result = "null",
       .errors = {Errc::not_locked, Errc::stale_token, Errc::not_owner},
       .access = Access::write,
       .cost = "O(1)",
       .doc = release_doc,
       .if_reply_lost = retry::kOnce,
       .handler = lock_release},
      {.name = "locked",
       .result = "bool",
       .cost = "O(1)",
       .doc = "Returns whether the lock is held.",
       .if_reply_lost = retry::kRead,
       .handler = lock_locked},
      {.name = "holder",
       .result = "{session, host, pid, owner, token, since}, or null if it is free",
       .cost = "O(1)",
       .doc = "Returns the holder of the lock.",
       .if_reply_lost = retry::kRead,
       .handler = lock_holder},
      {.name = "reset",
       .result = "null",
       .access = Access::write,
       .cost = "O(1)",
       .doc = "Recovers a lock that broke when its owner died. Does nothing to a lock that is not "
              "broken.",
       .if_reply_lost = retry::kIdempotent,
       .handler = lock_reset},
  }};
}

}  // namespace agora
