// SPDX-License-Identifier: MIT

// MsgpackProtocol: MessagePack-RPC on one connection, the protocol that programs use.
//
// The usual call takes a fast path: read in one pass where it lies, without the framer and the
// decoder (docs/decisions/0009).
#pragma once

#include <cstddef>
#include <string_view>

#include "server/net/protocol.hpp"
#include "server/net/protocol_context.hpp"
#include "shared/wire/framing.hpp"

namespace agora {

class MsgpackProtocol {
 public:
  explicit MsgpackProtocol(ProtocolContext& context)
      : context_(context), framer_(FrameBounds{context.limits}) {
    allow(context.message_bytes_max());
  }

  void read(std::string_view& rest);
  void reply(const Effect& effect, PackedView value);
  static bool in_json() { return false; }
  void notice(PackedView params);
  void refuse(const Error& error);
  void end_of_input() { context_.close(); }
  void allow(std::size_t bytes_max) { framer_.allow(bytes_max); }

  /// Returns the length of the incomplete message as far as its headers tell, bytes; 0 if there is
  /// none.
  std::size_t announced_bytes() const { return framer_.announced_bytes(); }

 private:
  bool read_message(std::string_view& rest);
  bool try_fast_path(std::string_view& rest);
  void run(const Message& message);
  void lose_framing(std::string_view rest);

  ProtocolContext& context_;
  MsgpackFramer framer_;
};

static_assert(Protocol<MsgpackProtocol>);

}  // namespace agora
