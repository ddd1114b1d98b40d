// How a manager behaves.
#pragma once

#include <chrono>
#include <string>

namespace agora {

/// Options of a manager; all have a default, so `{.deadline = 5s}` is enough.
struct manager_options {
  /// The name under which the server shows this program.
  std::string client = {};
  /// How long the server keeps the session without a sign of life, 1 s to 1 h. The manager gives
  /// one every third of it. After a cut connection the session can be resumed for so long.
  std::chrono::nanoseconds ttl = std::chrono::seconds(10);
  /// How long a call that does not wait may take, opening a session and broken connections
  /// included (only a host name is looked up for as long as the system likes); for a waiting call,
  /// how long after its own end. When half of that is over the waiting call is cancelled, so that
  /// it is known what came of it.
  std::chrono::nanoseconds deadline = std::chrono::seconds(30);
  /// How long connecting may take; for a private server, also how long it may take to start.
  std::chrono::nanoseconds connect_timeout = std::chrono::seconds(10);
  /// Whether objects may be shared as memory where server and program are on one host. Without it
  /// all goes over the socket.
  bool shared_memory = true;
};

}  // namespace agora
