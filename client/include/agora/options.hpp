// manager_options: the options of a manager.
#pragma once

#include <chrono>
#include <string>

namespace agora {

/// Options of a manager; all have a default, so `{.deadline = 5s}` is enough.
struct manager_options {
  /// The name under which the server lists this program.
  std::string client = {};
  /// How long the server keeps the session without a heartbeat, 1 s to 1 h. The manager sends a
  /// heartbeat every third of it. A session can be resumed for so long after the connection broke.
  std::chrono::nanoseconds ttl = std::chrono::seconds(10);
  /// How long a call that does not wait may take, opening a session and broken connections
  /// included. Only the resolution of a host name takes as long as the system lets it. A waiting
  /// call has that time after its own timeout. When half of it is over the client cancels the call,
  /// so that its outcome is known.
  std::chrono::nanoseconds deadline = std::chrono::seconds(30);
  /// How long connecting may take; for a private server, also how long it may take to start.
  std::chrono::nanoseconds connect_timeout = std::chrono::seconds(10);
  /// Whether objects may be shared as memory if server and program are on one host. If not, every
  /// operation is a call over the socket.
  bool shared_memory = true;
};

}  // namespace agora
