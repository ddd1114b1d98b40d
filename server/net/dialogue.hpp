// Dialogue: one connection without its socket (sans I/O). Bytes that were read go in, calls go to
// the engine; replies and notices come back, bytes to be sent come out.
//
// It sniffs the protocol from the first byte, keeps incomplete messages, bounds the calls that are
// taken at a time, and closes. The protocol itself is in msgpack_protocol.hpp or text_protocol.hpp.
// It does no I/O and never blocks, so that tests can play the protocols byte by byte.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <variant>

#include "server/net/msgpack_protocol.hpp"
#include "server/net/protocol_context.hpp"
#include "server/net/text_protocol.hpp"
#include "shared/wire/sniff.hpp"

namespace agora {

class Dialogue {
 public:
  Dialogue(DialogueContext& shared, Peer peer) : context_(shared, std::move(peer)) {}

  LinkId link() const { return context_.link(); }

  /// Returns the space for the next read. Behind the part of a large message that has arrived, it
  /// ends with that message; else it is the context's read buffer. It is valid until any dialogue
  /// of the context is used again.
  std::span<char> room();
  /// True if part of a large message has arrived; the rest is read straight behind it.
  bool large_message_under_way() const { return !closing() && missing_bytes() > 0; }
  /// Takes in bytes, at least one, that were read to room(). Otherwise as receive().
  void received(std::size_t bytes);
  /// Takes in bytes that were read. At most Limits::turn_calls_max calls go to the engine; the rest
  /// stays for proceed().
  void receive(std::string_view bytes);
  /// Takes another turn's share of the calls that were left.
  void proceed();
  /// True if proceed() can take calls: the share of the last turn was used up.
  bool has_backlog() const { return context_.has_backlog() && !context_.stalled() && !closing(); }

  /// The client will send no more bytes: runs the calls that were received, cancels the waiting
  /// ones, then ends the session.
  void end_of_input();
  /// The connection is lost: a plain session ends at once, an opened one is cut off.
  void abandon() { context_.close(); }
  /// The client's process is dead: from now on calls that would wait or deliver an item are
  /// dropped.
  void only_harmless() { context_.only_harmless(); }

  /// Takes an effect of this connection.
  void deliver(const Effect& effect, const Effects& effects);

  Output& output() { return context_.output; }
  /// True if the output has reached its bound: the connection is not read meanwhile.
  bool full() const { return context_.full(); }
  /// True if nothing more will be read. Close the connection once the output is sent and ended().
  bool closing() const { return context_.closing(); }
  /// True once the core has released the connection.
  bool ended() const { return ended_; }

 private:
  std::size_t missing_bytes() const { return context_.input.missing_bytes(announced_bytes()); }
  std::size_t announced_bytes() const;
  void take(std::string_view& rest);
  void finish();
  bool choose_protocol(std::string_view& rest);
  void notice(PackedView params, bool catching_up);
  void cut_off();

  ProtocolContext context_;
  Sniffer sniffer_;
  std::variant<std::monostate, MsgpackProtocol, TextProtocol> protocol_;
  bool ended_ = false;
  bool cut_off_ = false;  // nothing more is written
};

}  // namespace agora
