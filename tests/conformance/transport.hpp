// Transport: one way into a server. A transcript gives it typed lines; it speaks them in its own
// form and gives every answer back as the typed line would show it, so one text fits all
// transports.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/conformance/world.hpp"

namespace agora::test {

/// An answer, or a notice, that arrived at a session.
struct Answer {
  std::string session;
  std::string text;
  bool own = false;     ///< of the call that was just sent
  bool notice = false;  ///< nobody asked for it now
};

class Transport {
 public:
  virtual ~Transport() = default;
  /// Sends a call for the session (which is opened at its first call) and gives all that arrives
  /// until nothing moves any more.
  virtual std::vector<Answer> call(const std::string& session, const std::string& line) = 0;
  /// The session's connection is closed by the peer.
  virtual std::vector<Answer> close(const std::string& session) = 0;
  virtual std::vector<Answer> advance(double seconds) = 0;
};

/// Straight into the engine.
std::unique_ptr<Transport> core_transport(const Backend& backend);

enum class Speech { typed, json, msgpack };
enum class Wiring {
  whole,     ///< a dialogue that gets each message at once
  bytewise,  ///< a dialogue that gets one byte at a time
  unix_socket,
  ring,  ///< a Unix socket, then rings; over a backend that is shared
  tcp,
};
std::unique_ptr<Transport> wire_transport(const Backend& backend, Speech speech, Wiring wiring);

}  // namespace agora::test
