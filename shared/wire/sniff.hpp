// What a connection speaks, read off its first byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace agora {

enum class Wire : std::uint8_t {
  undecided,  ///< no deciding byte yet
  text,       ///< lines: JSON-RPC or typed; the first may turn out to be HTTP, see is_http_line
  msgpack,    ///< MessagePack-RPC
  http,       ///< the HTTP room, never the RPC parser
  tls,        ///< a TLS greeting; the first byte inside decides again
  nothing,    ///< nothing that we speak: close
};

/// What `first` announces; telnet's 0xff is `undecided`, see Sniffer.
Wire wire_of(unsigned char first);

/// Decides on the first bytes of a connection, passing over the option negotiation with which a
/// telnet client may begin.
class Sniffer {
 public:
  struct Verdict {
    Wire wire = Wire::undecided;
    std::size_t skipped = 0;  ///< telnet bytes at the front of this input: drop them
  };

  /// Reads on with `input`, the bytes that follow those reported as skipped so far. The deciding
  /// byte itself is not skipped. More than 4 KiB of negotiation is `nothing`.
  Verdict feed(std::string_view input);

 private:
  enum class State : std::uint8_t { begin, command, option, inside, inside_command };

  State after(unsigned char byte) const;

  State state_ = State::begin;
  std::size_t skipped_ = 0;
};

/// True if `line` (the first of a connection, without its end) ends in " HTTP/1.0" or " HTTP/1.1"
/// in any letter case: then a browser speaks, and nothing of it may reach the RPC parser.
bool is_http_line(std::string_view line);

}  // namespace agora
