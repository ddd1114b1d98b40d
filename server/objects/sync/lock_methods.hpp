// SPDX-License-Identifier: MIT

// The method rows of lock and rlock, which differ only in the docs of acquire and release.
#pragma once

#include <string_view>

#include "server/objects/retry_semantics.hpp"
#include "server/objects/sync/lock_state.hpp"

namespace agora {

struct LockRows {
  Method rows[6];
};

constexpr Parameter kGrantLease{
    "lease", ParamKind::seconds, kNull,
    "Seconds after which the grant ends, counted from the grant; null: as long as the session."};

constexpr LockRows lock_methods(std::string_view acquire_doc, std::string_view release_doc) {
  return {{
      {.name = "acquire",
       .parameters = {kTimeout, kOwner, kGrantLease},
       .result = kGrantResult,
       .errors = {Errc::deadlock, Errc::owner_died, Errc::value_error},
       .access = Access::write,
       .timed_out = TimedOut::null,
       .cost = "O(1), plus the deadlock detection: O(connected waits)",
       .doc = acquire_doc,
       .if_reply_lost = retry::kGrant,
       .handler = lock_acquire},
      {.name = "extend",
       .parameters = {Parameter{"token", ParamKind::integer, kRequired,
                                "The token of the grant to extend."},
                      Parameter{"lease", ParamKind::seconds, kRequiredOrNull,
                                "Seconds from now after which the grant ends, however it was "
                                "acquired; null: as long as the session."}},
       .result = "null",
       .errors = {Errc::stale_token, Errc::not_owner, Errc::value_error},
       .access = Access::write,
       .cost = "O(log n) in the objects with an alarm",
       .doc =
           "Sets the lease of a grant anew. Fails with StaleToken if that grant no longer stands. "
           "Only the session of its owner may call it, unless the lock was created with "
           "owner_checked=false.",
       .if_reply_lost = "Idempotent, except that the lease counts from the last call that arrived.",
       .handler = lock_extend},
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
