// SPDX-License-Identifier: MIT

// Handshakes: the calls that log in on a new connection, and open or resume a session there.
#pragma once

#include <cstdint>
#include <string>

#include <agora/options.hpp>

#include "client/src/transport/connection.hpp"
#include "client/src/transport/deadline.hpp"
#include "client/src/transport/wait.hpp"
#include "shared/auth/key_file.hpp"
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

/// Returns the key with that id in a key file, or the first one if the id is empty.
/// @error value_error  the file cannot be used, or has no such key; the message names it.
Expected<KeyLine> chosen_key(const std::string& path, const std::string& id);

/// Logs in with the key of the options, on a new connection that no other thread uses yet. Checks
/// the server's own proof: a server that does not know the key is not talked to.
/// @param binding  over TLS the SHA-256 of the server's certificate, raw; else empty
/// @error value_error      the key file cannot be used; the message names it.
/// @error unauthenticated  the server refused the key, or did not prove that it knows it.
/// @error unavailable, timeout, and any other error of the calls.
Expected<void> log_in(Connection& connection, const manager_options& options,
                      const std::string& binding, const Deadline& deadline, const Wait& wait);

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
