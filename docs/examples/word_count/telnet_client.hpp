// SPDX-License-Identifier: MIT

// A telnet session with the server: typed lines over a plain TCP connection.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace word_count {

/// One connection, as telnet or nc would make it. It does not use the client library.
class TelnetClient {
 public:
  /// Connects to 127.0.0.1. @throws std::system_error  no server accepts the connection.
  explicit TelnetClient(std::uint16_t port);
  TelnetClient(const TelnetClient&) = delete;
  TelnetClient& operator=(const TelnetClient&) = delete;
  ~TelnetClient();

  /// Sends a typed line, and returns the reply, one line, unchanged.
  /// @throws std::runtime_error  no reply within five seconds, or the connection ended.
  std::string call(std::string_view line);

 private:
  int fd_;
  std::string received_;
};

}  // namespace word_count
