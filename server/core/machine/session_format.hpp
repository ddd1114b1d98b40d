// How sessions, holders and waiters are shown: one form for server.locks, server.waits,
// server.sessions and object.info.
#pragma once

#include <span>

#include "server/core/machine/machine.hpp"

namespace agora {

/// "s7": the name of a session on the wire.
std::string session_text(SessionId session);
/// The reverse; none if it is no session's name.
SessionId session_of(std::string_view text);

/// {session, host, pid, owner, token, since}; the token is null for what gives none.
void write_holder(Writer& out, Machine& machine, const Holder& holder);

/// A list of them.
void write_holders(Writer& out, Machine& machine, std::span<const Holder> holders);

/// {session, host, pid, owner}.
void write_session(Writer& out, Machine& machine, SessionId session, std::string_view owner);

/// {session, host, pid, owner, lock}: who waits for which lock.
void write_waiting(Writer& out, Machine& machine, const Waiter& waiter);

/// "s7 (host h, pid 12, owner t)", for messages; what is not known is a dash.
std::string format_session(Machine& machine, SessionId session, std::string_view owner);

/// SessionLost, with the names of what the session gave back if that is still known.
Error session_lost(const LostSession* lost, Done done);

}  // namespace agora
