// SPDX-License-Identifier: MIT

// Dial: from an address to a connection that is ready for the first call, over TLS if the address
// says so.
#pragma once

#include <memory>
#include <string>

#include <agora/options.hpp>

#include "client/src/transport/address.hpp"
#include "client/src/transport/deadline.hpp"
#include "client/src/transport/socket.hpp"
#include "client/src/transport/wait.hpp"
#include "shared/base/expected.hpp"
#include "shared/tls/tls_stream.hpp"

namespace agora::detail {

/// A socket and, over TLS, the finished handshake on it.
struct Dialed {
  std::unique_ptr<Socket> socket;
  std::unique_ptr<TlsStream> tls;  ///< null: plain
  std::string binding;  ///< over TLS: SHA-256 of the server's certificate in DER, 32 raw bytes
};

/// Connects by the deadline.
/// @error unavailable  no server accepts, or the TLS handshake failed; the message has the reason.
/// @error value_error  a file of the options cannot be used.
Expected<Dialed> dial(const Address& address, const manager_options& options,
                      const Deadline& deadline, const Wait& wait = wait_without_cancel);

}  // namespace agora::detail
