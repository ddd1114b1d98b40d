// SPDX-License-Identifier: MIT

// Handshakes: the calls that open a session on a new connection, or resume one there.
#pragma once

#include <cstdint>
#include <string>

#include <agora/options.hpp>

#include "client/src/transport/connection.hpp"
#include "client/src/transport/deadline.hpp"
#include "client/src/transport/wait.hpp"
#include "shared/base/expected.hpp"
#include "shared/base/limits.hpp"
#include "shared/value/any.hpp"

namespace agora::detail {

/// The identity and terms of a session, from the reply of session.open.
struct SessionName {
  any session;
  any token;
  std::chrono::duration<double> ttl{0};
  bool shared_memory = false;  ///< the server offers to share its memory
  std::size_t frame_bytes_max = Limits{}.frame_bytes_max;  ///< of a message that the server takes
};

/// Asks the server for rings, and switches to them if it grants any. Must be the first call on a
/// new connection of a Unix socket. Returns false if no reply was received: the connection is then
/// unusable.
bool ask_for_ring(Connection& connection, const Deadline& deadline, const Wait& wait);

/// Calls session.open on a new connection that no other thread uses yet.
/// @error unavailable, timeout, and any error of session.open.
Expected<SessionName> open_session(Connection& connection, const manager_options& options,
                                   const Deadline& deadline, const Wait& wait);

/// Calls session.resume. @return the largest call number that the server has seen.
/// @error session_lost  the session is over; `released` lists its resources.
/// @error unavailable, timeout, and any other error of session.resume.
Expected<std::uint64_t> resume_session(Connection& connection, const SessionName& name,
                                       const Deadline& deadline, const Wait& wait);

}  // namespace agora::detail
