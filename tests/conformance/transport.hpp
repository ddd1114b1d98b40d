// SPDX-License-Identifier: MIT

// Transport: one way from a client to a server. A transport takes the typed lines of a transcript,
// sends them in its wire format, and returns each reply and notice as typed text. One text
// therefore fits all transports.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/conformance/backend.hpp"

namespace agora::test {

/// A reply or a notice that arrived at a session.
struct SessionMessage {
  std::string session;
  std::string text;
  bool own = false;     ///< the reply to the call that was just sent
  bool notice = false;  ///< a notice, not a reply
};

class Transport {
 public:
  virtual ~Transport() = default;
  /// Sends a call in the session, which its first call opens. Returns the replies and notices that
  /// arrive at any session until the server is idle.
  virtual std::vector<SessionMessage> call(const std::string& session, const std::string& line) = 0;
  /// Closes the client's end of the session's connection. Returns the messages that this causes.
  virtual std::vector<SessionMessage> close(const std::string& session) = 0;
  /// Advances the server's clock. Returns the messages that this causes.
  virtual std::vector<SessionMessage> advance(double seconds) = 0;
};

/// Returns a transport that calls the engine directly, without a protocol.
std::unique_ptr<Transport> core_transport(const Backend& backend);

enum class WireFormat { typed, json, msgpack };
enum class ConnectionKind {
  in_process,  ///< a dialogue that receives each message whole
  bytewise,    ///< a dialogue that receives one byte at a time
  unix_socket,
  rings,  ///< a Unix socket, then rings; needs a backend with memfds
  tcp,
  tls,
};
std::unique_ptr<Transport> wire_transport(const Backend& backend, WireFormat format,
                                          ConnectionKind kind);

}  // namespace agora::test
