// SPDX-License-Identifier: MIT

// Protocol sniffing: detects the protocol of a connection by its first byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace agora {

enum class Wire : std::uint8_t {
  undecided,  ///< no deciding byte yet
  text,       ///< lines: JSON-RPC or typed; the first line may be HTTP, see is_http_line()
  msgpack,    ///< MessagePack-RPC
  http,       ///< HTTP, which must never reach the RPC parser
  tls,        ///< a TLS ClientHello; the first byte inside the tunnel decides again
  nothing,    ///< an unknown protocol: close
};

/// Returns the protocol that begins with `first`; telnet's 0xff is `undecided`, see Sniffer.
Wire wire_of(unsigned char first);

/// Detects the protocol by the first bytes of a connection. Skips the option negotiation with which
/// a telnet client may begin.
class Sniffer {
 public:
  struct Verdict {
    Wire wire = Wire::undecided;
    std::size_t skipped = 0;  ///< telnet bytes at the front of this input, which the caller drops
  };

  /// Continues with `input`, the bytes that follow those reported as skipped so far. Does not skip
  /// the deciding byte itself. More than 4 KiB of negotiation is `nothing`.
  Verdict feed(std::string_view input);

 private:
  enum class State : std::uint8_t { begin, command, option, inside, inside_command };

  State after(unsigned char byte) const;

  State state_ = State::begin;
  std::size_t skipped_ = 0;
};

/// Returns true if `line` (the first of a connection, without its end) ends in " HTTP/1.0" or
/// " HTTP/1.1" in any letter case. The peer then is a browser, and no byte of its request may reach
/// the RPC parser (cross-protocol attacks).
bool is_http_line(std::string_view line);

}  // namespace agora
