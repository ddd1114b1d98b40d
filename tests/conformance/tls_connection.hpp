// SPDX-License-Identifier: MIT

// The client's end of a connection over TLS, beside a server in the same thread.
#pragma once

#include <functional>
#include <memory>

#include "server/tls/tls_files.hpp"
#include "tests/conformance/test_server.hpp"

namespace agora::test {

/// Returns the files of a server for "localhost" that requires a client certificate. They last as
/// long as this program.
TlsFiles tls_test_files();

/// Makes the handshake on a connected socket, which the result owns.
/// @param poll  runs the server
std::unique_ptr<ClientConnection> open_tls_connection(int fd, const std::function<void()>& poll);

}  // namespace agora::test
