// SPDX-License-Identifier: MIT

// Protocol sniffing: detects the protocol of a connection by its first byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace agora {

enum class Wire : std::uint8_t {
  undecided,  ///< more bytes are needed
  text,       ///< lines: JSON-RPC or typed; the first line may be HTTP, see is_http_line()
  msgpack,    ///< MessagePack-RPC
  http,       ///< HTTP, which must never reach the RPC parser
  headers,    ///< JSON-RPC framed by a `Content-Length` header, as language servers speak it
  tls,        ///< a TLS ClientHello; the first byte inside the tunnel decides again
  nothing,    ///< an unknown protocol: close
};

/// A verdict on the first bytes of a connection.
struct Sniffed {
  Wire wire = Wire::undecided;
  std::size_t skipped = 0;  ///< bytes of a byte order mark, which the caller drops
};

/// Returns the protocol that begins with `input`, the first bytes of a connection behind any telnet
/// negotiation (see TelnetFilter). One byte decides, with two exceptions: a byte order mark has
/// three, and a letter C begins a header or HTTP.
Sniffed sniff(std::string_view input);

/// Returns true if `line` is the first one of a message that a `Content-Length` header frames, in
/// any letter case.
bool is_header_line(std::string_view line);

/// Returns true if `line` (the first of a connection, without its end) ends in " HTTP/1.0" or
/// " HTTP/1.1" in any letter case. The peer then is a browser, and no byte of its request may reach
/// the RPC parser (cross-protocol attacks).
bool is_http_line(std::string_view line);

}  // namespace agora
