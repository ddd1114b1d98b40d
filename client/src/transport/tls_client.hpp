// SPDX-License-Identifier: MIT

// The client's side of a TLS handshake: verifies the server's certificate, sends the client's, and
// names the cause and the remedy of each failure.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <agora/options.hpp>

#include "client/src/transport/address.hpp"
#include "client/src/transport/deadline.hpp"
#include "client/src/transport/socket.hpp"
#include "client/src/transport/wait.hpp"
#include "shared/base/expected.hpp"
#include "shared/tls/tls_stream.hpp"

namespace agora::detail {

/// Makes the handshake on a new connection, by the deadline.
/// @error value_error  a file of the options cannot be used; the message names it.
/// @error unavailable  the handshake failed; the message names the side, the certificate, and the
///                     remedy.
Expected<std::unique_ptr<TlsStream>> connect_tls(Socket& socket, const Address& address,
                                                 const manager_options& options,
                                                 const Deadline& deadline, const Wait& wait);

/// Returns OpenSSL's reason in words that say which side refused, and the remedy.
std::string tls_problem(std::string_view reason);

/// Returns the SHA-256 of the server's certificate in DER, 32 raw bytes: the channel binding.
std::string server_certificate_digest(TlsStream& stream);

}  // namespace agora::detail
