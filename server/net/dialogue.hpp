// SPDX-License-Identifier: MIT

// Dialogue: one connection without its socket (sans I/O). Bytes that were read go in, calls go to
// the engine; replies and notices come back, bytes to be sent come out.
//
// It sniffs the protocol from the first byte, keeps incomplete messages, bounds the calls that are
// taken in one turn, and closes the link. The protocol itself is in msgpack_protocol.hpp or
// text_protocol.hpp. It does no I/O and never blocks, so tests can play the protocols byte by byte.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <variant>

#include "server/net/held_effects.hpp"
#include "server/net/msgpack_protocol.hpp"
#include "server/net/protocol_context.hpp"
#include "server/net/text_protocol.hpp"
#include "shared/wire/sniff.hpp"
#include "shared/wire/telnet.hpp"

namespace agora {

class Dialogue {
 public:
  Dialogue(DialogueContext& shared, Peer peer) : context_(shared, std::move(peer)) {}

  LinkId link() const { return context_.link(); }

  /// Returns the space for the next read: while a large message is under way, the space behind the
  /// part that has arrived, up to the message's end; else the context's read buffer. It is valid
  /// until any dialogue of the context is used again.
  std::span<char> room();
  /// Returns true if part of a large message has arrived; the rest is read straight behind it.
  bool large_message_under_way() const { return !closing() && missing_bytes() > 0; }
  /// Takes in bytes, at least one, that were read to room(), in the same way as receive().
  void received(std::size_t bytes);
  /// Takes in bytes that were read. At most Limits::turn_calls_max calls go to the engine; the rest
  /// stays for proceed().
  void receive(std::string_view bytes);
  /// Starts a turn and takes its share of the calls that an earlier turn left.
  void proceed();
  /// Returns true if the last turn has left calls that proceed() can take now.
  bool has_backlog() const {
    if (context_.has_postponed()) return !full() && !holds_replies();
    return context_.has_backlog() && !context_.stalled() && !closing();
  }

  /// Notes that the client has closed its sending side, though bytes may be left to read. A typed
  /// line that waits while reading is held back is cancelled, so that the lines behind it can run.
  void peer_ended();
  /// Notes that the client will send no more bytes. The calls that were received run; then the link
  /// is closed as by abandon().
  void end_of_input();
  /// Closes the link: a plain session ends with its waiting calls, an opened one is disconnected.
  void abandon() { context_.close(); }
  /// Drops calls that would wait or deliver an item, from now on: the client's process is dead.
  void only_harmless() { context_.only_harmless(); }

  /// Returns the rights of the client.
  const ClientAccess& access() const { return context_.access(); }
  /// Widens the bounds of a client that has logged in.
  void logged_in();
  /// Closes the link with a last message.
  void end(const Error& error);

  /// Takes an effect of this connection.
  void deliver(const Effect& effect, const Effects& effects);

  /// Notes that `bytes` bytes of the output were sent and that more are left: a heartbeat of a
  /// client with a slow link. The engine needs a turn then.
  void note_sent(std::size_t bytes) { context_.engine.progress(link(), bytes); }

  Output& output() { return context_.output; }
  /// Returns true if replies or notices wait until the client has read a part of the output.
  bool holds_replies() const { return held_ != nullptr; }
  /// Moves waiting replies to the output until it is full. @return whether it moved any
  bool refill_output() { return held_ != nullptr && take_held(); }
  /// Drops the output and all that waits to get there: the client reads nothing any more.
  void drop_output() {
    context_.output = {};
    held_.reset();
  }
  /// Returns the bytes of the heap that this connection's input and output hold. Texts that it
  /// shares with others are not counted; output().text_bytes() does.
  std::size_t buffered_bytes() const {
    return context_.input.bytes() + context_.output.own_bytes() + context_.queued_bytes +
           (held_ == nullptr ? 0 : held_->bytes());
  }
  /// Closes the connection because the buffers of all connections hold too much, and this one's
  /// hold the most. An opened session loses nothing: it may resume.
  void close_as_largest(std::size_t most);
  /// Frees the input and the protocol's memory if the connection was cut off. Not called while the
  /// dialogue reads.
  void free_if_cut_off();
  /// Returns true if the output exceeds its bound, typed lines are held back beyond theirs, or
  /// expensive calls wait for a later pass: the connection is not read meanwhile.
  bool full() const { return context_.full() || context_.held_back() || context_.defers(); }
  /// Returns true if expensive calls of this connection wait for a later pass.
  bool defers() const { return context_.defers(); }
  /// Returns true if replies go to the output at once.
  bool has_room() const { return !context_.full() && !holds_replies(); }
  /// Returns true if typed lines are held back and the client's end is not known yet.
  bool held_back() const { return context_.held_back() && !context_.peer_ended() && !closing(); }
  /// Returns true if nothing more will be read. Close the connection once the output is sent and
  /// ended().
  bool closing() const { return context_.closing(); }
  /// Returns true once the engine has closed the link.
  bool ended() const { return ended_; }

 private:
  template <typename Work>
  void guarded(const Work& work);
  void out_of_memory(bool may_speak);
  void close_with(bool may_speak, const Error& error);
  void pass_on(const Effect& effect, PackedView value);
  void hold(const Effect& effect, const Effects& effects);
  bool take_held();
  void take_received(std::size_t bytes);
  std::size_t missing_bytes() const { return context_.input.missing_bytes(announced_bytes()); }
  std::size_t announced_bytes() const;
  void take_in(std::string_view bytes);
  bool begins_msgpack(std::string_view bytes) const;
  void receive_telnet(std::string_view bytes);
  void obey(TelnetCommand command);
  void note_received(std::size_t bytes);
  void take(std::string_view& rest);
  void finish();
  bool choose_protocol(std::string_view& rest);
  void notice(const Effect& effect, const Effects& effects);
  void cut_off();

  ProtocolContext context_;
  TelnetFilter telnet_;
  std::variant<std::monostate, MsgpackProtocol, TextProtocol> protocol_;
  std::unique_ptr<HeldEffects> held_;  // null if none is held
  bool is_telnet_ = false;             // the client has sent a telnet command
  bool ended_ = false;
  bool cut_off_ = false;  // the client did not read its notices: nothing more is written
};

}  // namespace agora
