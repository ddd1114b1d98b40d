// SPDX-License-Identifier: MIT

// TextProtocol: lines on one connection. Each line is JSON-RPC or typed, by its first byte, so a
// person may paste JSON between typed lines.
#pragma once

#include <cstddef>
#include <string_view>

#include "server/net/json_protocol.hpp"
#include "server/net/protocol.hpp"
#include "server/net/protocol_context.hpp"
#include "server/net/typed_protocol.hpp"
#include "shared/wire/framing.hpp"

namespace agora {

class TextProtocol {
 public:
  explicit TextProtocol(ProtocolContext& context)
      : context_(context), framer_(context.message_bytes_max()), json_(context), typed_(context) {}

  void read(std::string_view& rest);
  void reply(const Effect& effect, PackedView value);
  static bool in_json() { return true; }
  void notice(PackedView params) { json_.notice(params); }
  /// Writes the error in the form of the last line.
  void refuse(const Error& error) { refuse(error, last_was_json_); }
  void allow(std::size_t bytes_max) { framer_.allow(bytes_max); }
  void end_of_input() { typed_.end_of_input(); }
  /// Cancels the typed line that waits, as an empty line does. The caller has dropped the
  /// unfinished line.
  void interrupt();
  /// Notes that the client has closed its sending side; see Dialogue::peer_ended().
  void peer_ended() { typed_.peer_ended(); }

 private:
  bool read_line(std::string_view& rest);
  std::size_t run(std::string_view line);
  void refuse(const Error& error, bool as_json);

  ProtocolContext& context_;
  LineFramer framer_;
  JsonProtocol json_;
  TypedProtocol typed_;
  bool first_line_ = true;
  bool last_was_json_ = false;
};

static_assert(Protocol<TextProtocol>);

}  // namespace agora
