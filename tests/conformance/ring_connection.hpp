// SPDX-License-Identifier: MIT

// Ring connection: the bytes of a session go through rings in shared memory; the socket carries
// only the doorbells.
#pragma once

#include <functional>
#include <memory>

#include "server/net/descriptor.hpp"
#include "tests/conformance/client_codec.hpp"
#include "tests/conformance/test_server.hpp"

namespace agora::test {

/// Calls session.ring in the codec's format, and moves the connection over to the rings.
/// @param socket  newly connected to the Unix socket of a server with shared memory
/// @param poll  lets the server reply
/// @throws std::runtime_error  the server refused, or passed no memory.
std::unique_ptr<ClientConnection> open_ring_connection(Descriptor socket, ClientCodec& codec,
                                                       const std::function<void()>& poll);

}  // namespace agora::test
