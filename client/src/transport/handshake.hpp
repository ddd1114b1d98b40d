// Handshakes: how a session begins on a new connection, and how it goes on with one.
#pragma once

#include <cstdint>
#include <string>

#include <agora/options.hpp>

#include "client/src/transport/deadline.hpp"
#include "client/src/transport/link.hpp"
#include "client/src/transport/wait.hpp"
#include "shared/base/expected.hpp"
#include "shared/value/any.hpp"

namespace agora::detail {

/// What the server says of a session that it has opened.
struct SessionName {
  any session;
  any token;
  std::chrono::duration<double> ttl{0};
  bool shared_memory = false;  ///< the server would share its memory
};

/// Asks for rings through which all further bytes go; without them the connection stays as it is.
/// First on a new link, of a Unix socket. False: the link is of no use any more, since this process
/// cannot read what comes with descriptors.
bool ask_for_ring(Link& link, const Deadline& deadline, const Wait& wait);

/// Calls session.open. The link is new, and nobody else uses it yet.
/// @error unavailable, timeout, and whatever the server answers.
Expected<SessionName> open_session(Link& link, const manager_options& options,
                                   const Deadline& deadline, const Wait& wait);

/// Calls session.resume. @return the last number that the server has seen.
/// @error session_lost  the session is over; `released` says what it had.
/// @error unavailable, timeout, and whatever else the server answers.
Expected<std::uint64_t> resume_session(Link& link, const SessionName& name,
                                       const Deadline& deadline, const Wait& wait);

}  // namespace agora::detail
