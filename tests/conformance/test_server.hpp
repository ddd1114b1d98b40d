// SPDX-License-Identifier: MIT

// The server under a transcript, and the client's end of a connection to it.
#pragma once

#include <memory>
#include <string>

#include "server/core/state/catalogue.hpp"
#include "tests/conformance/transport.hpp"

namespace agora::test {

/// The client's end of the byte stream of one session.
class ClientConnection {
 public:
  virtual ~ClientConnection() = default;
  virtual void send(const std::string& bytes) = 0;
  /// Returns the bytes that arrived since the last call; an empty string if there are none.
  virtual std::string receive() = 0;
  /// Ends the client's output, as a closing peer does.
  virtual void shut_down() = 0;
};

/// A server whose clock only the test moves.
class TestServer {
 public:
  virtual ~TestServer() = default;
  /// Opens a connection. @param format  the wire format of the session's calls
  virtual std::unique_ptr<ClientConnection> connect(WireFormat format) = 0;
  /// Runs a few turns of the server. @return true if it did anything that the test must wait for
  virtual bool poll() = 0;
  virtual ManualClock& clock() = 0;
  virtual const Catalogue& catalogue() = 0;
};

std::unique_ptr<TestServer> dialogue_server(const Backend& backend, bool bytewise);
std::unique_ptr<TestServer> socket_server(const Backend& backend, ConnectionKind kind);

}  // namespace agora::test
