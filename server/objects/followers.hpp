// SPDX-License-Identifier: MIT

// Followers: the bound on the objects that one session watches or subscribes to, for object.watch
// and topic.subscribe.
#pragma once

#include <string>

#include "server/core/machine/machine.hpp"

namespace agora {

/// Checks that the session may follow one more object.
/// @error overloaded  the session already follows as many objects as allowed.
inline Expected<void> may_follow(Machine& machine, const Session& session) {
  const std::size_t most = machine.limits().session_watches_max;
  if (session.watches.size() + session.topics.size() < most) return {};
  return fail(Errc::overloaded, "this session already watches or is subscribed to " +
                                    std::to_string(most) + " objects; leave some first");
}

}  // namespace agora
