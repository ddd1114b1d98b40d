// SPDX-License-Identifier: MIT

// The format of sessions, holders and waiters, the same in server.locks, server.waits,
// server.sessions and object.info.
#pragma once

#include <span>

#include "server/core/machine/machine.hpp"

namespace agora {

/// Returns the id of a session on the wire, as in "s7-9f86d081". Its end stands for this
/// incarnation of the server.
std::string session_text(const Machine& machine, SessionId session);
/// Parses such an id; returns SessionId{} if the text is none, or one of another incarnation.
SessionId session_of(const Machine& machine, std::string_view text);

/// Writes {session, host, pid, owner, token, since}; the token is null if the grant has none.
void write_holder(Writer& out, Machine& machine, const Holder& holder);

/// The most holders, objects or waits of one lock or session that lists show.
inline constexpr std::size_t kListedMax = 100;

/// Writes {more: n}: the last element of a list that shows the first kListedMax elements only.
void write_more(Writer& out, std::size_t more);

/// Writes a list of the first kListedMax holders; if there are more, {more: n} follows.
void write_holders(Writer& out, Machine& machine, std::span<const Holder> holders);

/// Writes {session, host, pid, owner}.
void write_session(Writer& out, Machine& machine, SessionId session, std::string_view owner);

/// Writes {session, host, pid, owner, lock}: the waiter, and the lock for which it waits.
void write_waiting(Writer& out, Machine& machine, const Waiter& waiter);

/// Returns "s7 (host h, pid 12, owner t)", for messages; an unknown part is a dash.
std::string format_session(Machine& machine, SessionId session, std::string_view owner);

/// Returns SessionLost, with the names of the objects that the session released, if still known.
Error session_lost(const LostSession* lost, Done done);

}  // namespace agora
