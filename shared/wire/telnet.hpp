// SPDX-License-Identifier: MIT

// The telnet protocol (RFC 854) inside a text connection: commands begin with the byte IAC, 0xff,
// and may stand anywhere between the bytes of lines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace agora {

/// A command of the telnet client that needs an action of the server.
enum class TelnetCommand : std::uint8_t {
  none,
  interrupt,      ///< IP or BRK: the person pressed Ctrl-C
  are_you_there,  ///< AYT
};

/// Separates telnet commands from the text around them, in linear time. A command may be split
/// between reads. The filter refuses every option: a telnet client then stays in its plain mode.
class TelnetFilter {
 public:
  /// Returns true if read() must see `bytes`: they hold IAC, or a command began before them.
  bool concerns(std::string_view bytes) const {
    return state_ != State::text || bytes.find('\xff') != std::string_view::npos;
  }

  /// Takes bytes from the front of `bytes` up to the first command that needs an action, or all.
  /// @param text   receives the bytes of lines
  /// @param reply  receives the refusals of options: bytes to send to the client
  TelnetCommand read(std::string_view& bytes, std::string& text, std::string& reply);

 private:
  enum class State : std::uint8_t { text, command, option, subnegotiation, subnegotiation_command };

  TelnetCommand command(unsigned char byte, std::string& text);
  void option(unsigned char byte, std::string& reply);

  State state_ = State::text;
  unsigned char verb_ = 0;  // DO, DONT, WILL or WONT, whose option follows
};

}  // namespace agora
