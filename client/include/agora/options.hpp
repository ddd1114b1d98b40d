// How a manager behaves.
#pragma once

#include <chrono>
#include <string>

namespace agora {

/// Options of a manager; all have a default, so `{.call_timeout = 5s}` is enough.
struct manager_options {
  /// The name under which the server shows this program. A plain connection has no name yet.
  std::string client = {};
  /// How long a call that does not wait may take; for a waiting call, how long after its own end.
  std::chrono::nanoseconds call_timeout = std::chrono::seconds(30);
  /// How long connecting may take; for a private server, also how long it may take to start.
  std::chrono::nanoseconds connect_timeout = std::chrono::seconds(10);
};

}  // namespace agora
