// What a person sees who telnets to the server: typed lines over a plain TCP connection.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace word_count {

/// One connection, as telnet or nc would make it. It knows nothing of the client library.
class TelnetView {
 public:
  /// Connects to 127.0.0.1. @throws std::system_error  nobody answers there.
  explicit TelnetView(std::uint16_t port);
  TelnetView(const TelnetView&) = delete;
  TelnetView& operator=(const TelnetView&) = delete;
  ~TelnetView();

  /// Types a line, and gives the one line that the server answers, as it came.
  /// @throws std::runtime_error  no answer within five seconds, or the connection ended.
  std::string type(std::string_view line);

 private:
  int fd_;
  std::string received_;
};

}  // namespace word_count
