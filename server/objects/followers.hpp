// Whether a session may hear of one more object: what object.watch and topic.subscribe ask.
#pragma once

#include <string>

#include "server/core/machine/machine.hpp"

namespace agora {

/// @error overloaded  the session already follows as many objects as one may.
inline Expected<void> may_follow(Machine& machine, const Session& session) {
  const std::size_t most = machine.limits().session_watches_max;
  if (session.watches.size() + session.topics.size() < most) return {};
  return fail(Errc::overloaded, "this session already watches or is subscribed to " +
                                    std::to_string(most) + " objects; leave some first");
}

}  // namespace agora
