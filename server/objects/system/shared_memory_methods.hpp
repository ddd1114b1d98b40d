// SPDX-License-Identifier: MIT

// The handlers of the shared-memory methods of session.*, and functions that all handlers of
// session.* use. Their method table is in session_methods.cpp.
#pragma once

#include "server/core/machine/call.hpp"

namespace agora::session_calls {

/// Returns the connection of the caller.
Link& link_of(Call& call);
/// Returns whether a peer can map the server's memory.
bool can_map(Machine& machine, const Peer& peer);
/// Returns the opened session that the first two parameters name.
/// @error session_lost     there is none, or it has ended.
/// @error unauthenticated  that is not its token.
Expected<Session*> session_named(Call& call);
/// Returns the opened session of the caller, else null.
Session* opened(Call& call);

Outcome map(Call& call);
Outcome ring(Call& call);
Outcome unmap(Call& call);
Outcome locate(Call& call);
Outcome unlocate(Call& call);
Outcome acquire_slot(Call& call);
Outcome release_slot(Call& call);

}  // namespace agora::session_calls
