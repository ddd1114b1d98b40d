// SPDX-License-Identifier: MIT

#include "server/net/dialogue.hpp"

#include <array>
#include <new>
#include <string>

namespace agora {
namespace {

/// Calls `visit` with the protocol, if one is chosen.
template <class Variant, class Visit>
void with_protocol(Variant& protocol, const Visit& visit) {
  if (auto* const msgpack = std::get_if<MsgpackProtocol>(&protocol)) return visit(*msgpack);
  if (auto* const text = std::get_if<TextProtocol>(&protocol)) visit(*text);
}

}  // namespace

// ---- input ---------------------------------------------------------------------------------

/// Does the work of this connection. If the system refuses the memory for it, the connection is
/// closed and the server lives on.
template <typename Work>
void Dialogue::guarded(const Work& work) {
  const bool output_was_empty = context_.output.empty();
  try {
    work();
  } catch (const std::bad_alloc&) {
    out_of_memory(output_was_empty);
  }
}

/// Closes the connection with a last message. An opened session loses nothing: it may resume.
/// @param may_speak  no output was left before, so that no message was sent in part
void Dialogue::out_of_memory(bool may_speak) {
  close_with(may_speak, {Errc::overloaded,
                         "the system gives the server no memory for this message; the connection "
                         "is closed",
                         Done::unknown,
                         {}});
}

void Dialogue::close_as_largest(std::size_t most) {
  const bool may_speak = context_.output.empty();
  close_with(may_speak,
             {Errc::overloaded,
              "the input and output of all connections hold over " + std::to_string(most) +
                  " bytes, and this connection's the most; it is closed, an opened "
                  "session may resume",
              Done::unknown,
              {}});
}

void Dialogue::free_if_cut_off() {
  if (!cut_off_) return;
  context_.input.keep_last(0);
  context_.queued_bytes = 0;
  protocol_.emplace<std::monostate>();
}

void Dialogue::close_with(bool may_speak, const Error& error) {
  cut_off_ = true;
  drop_output();
  if (may_speak) with_protocol(protocol_, [&](auto& protocol) { protocol.refuse(error); });
  context_.close();
}

std::span<char> Dialogue::room() {
  try {
    if (large_message_under_way()) return context_.input.room(announced_bytes());
    return context_.shared.room();
  } catch (const std::bad_alloc&) {
    out_of_memory(context_.output.empty());
    context_.input.keep_last(0);
  }
  static std::array<char, 256> dropped;  // received() ignores these bytes
  return dropped;
}

void Dialogue::received(std::size_t bytes) {
  if (closing()) return;
  guarded([&] { take_received(bytes); });
  context_.shared.read_buffer.clear();
  if (closing()) context_.input.keep_last(0);
}

void Dialogue::take_received(std::size_t bytes) {
  if (large_message_under_way()) {
    context_.input.grow_by(bytes);
    proceed();
    return note_received(bytes);
  }
  RawBytes& buffer = context_.shared.read_buffer;
  buffer.grow_by(bytes);
  receive(buffer.view());
}

void Dialogue::receive(std::string_view bytes) {
  const bool may_be_text = !std::holds_alternative<MsgpackProtocol>(protocol_);
  if (may_be_text && telnet_.concerns(bytes) && !begins_msgpack(bytes)) {
    return receive_telnet(bytes);
  }
  take_in(bytes);
}

/// Returns true if these are the first bytes of a connection and begin MessagePack.
bool Dialogue::begins_msgpack(std::string_view bytes) const {
  return protocol_.index() == 0 && !is_telnet_ && context_.input.empty() &&
         sniff(bytes).wire == Wire::msgpack;
}

/// Separates the telnet commands from the lines, and obeys each at its place among them.
void Dialogue::receive_telnet(std::string_view bytes) {
  is_telnet_ = true;
  while (!bytes.empty() && !closing()) {
    std::string text;
    const TelnetCommand command = telnet_.read(bytes, text, context_.output.bytes());
    if (!text.empty()) take_in(text);
    if (command != TelnetCommand::none && !closing()) obey(command);
  }
}

void Dialogue::obey(TelnetCommand command) {
  context_.engine.turn();  // the replies to earlier lines come first
  if (command == TelnetCommand::are_you_there) {
    context_.output.bytes().append("agora is here\n");
    return;
  }
  context_.input.drop_unfinished_line();
  if (auto* const text = std::get_if<TextProtocol>(&protocol_)) text->interrupt();
}

void Dialogue::take_in(std::string_view bytes) {
  if (closing()) return;
  if (context_.input.empty()) {
    // The usual case: whole messages, parsed where they lie.
    context_.start_turn();
    const std::size_t count = bytes.size();
    take(bytes);
    if (bytes.empty()) return;
    context_.input.append(bytes, announced_bytes());
    return note_received(count);
  }
  context_.input.append(bytes, announced_bytes());
  proceed();
  note_received(bytes.size());
}

/// Tells the engine of progress if the bytes have left a message incomplete.
void Dialogue::note_received(std::size_t bytes) {
  const bool under_way = !context_.input.empty() && !context_.has_backlog();
  if (under_way && !closing()) context_.engine.progress(link(), bytes);
}

std::size_t Dialogue::announced_bytes() const {
  const auto* const msgpack = std::get_if<MsgpackProtocol>(&protocol_);
  return msgpack != nullptr ? msgpack->announced_bytes() : 0;
}

void Dialogue::proceed() {
  guarded([&] {
    context_.start_turn();
    if (context_.has_postponed()) context_.run_postponed();
    if (closing()) return;
    std::string_view rest = context_.input.rest();
    take(rest);
    context_.input.keep_last(rest.size());
  });
}

/// Lets the protocol take messages from the front of `rest`.
void Dialogue::take(std::string_view& rest) {
  if (protocol_.index() != 0 || choose_protocol(rest)) {
    with_protocol(protocol_, [&](auto& protocol) { protocol.read(rest); });
  }
  context_.note_backlog(!rest.empty());
  if (closing()) rest = {};
  if (context_.input_done()) finish();
}

void Dialogue::finish() {
  if (protocol_.index() == 0) return context_.close();
  with_protocol(protocol_, [](auto& protocol) { protocol.end_of_input(); });
}

/// Sniffs the first bytes. Returns false if they do not decide yet, or the connection is closed.
bool Dialogue::choose_protocol(std::string_view& rest) {
  if (rest.empty()) return false;
  const Sniffed verdict = sniff(rest);
  rest.remove_prefix(verdict.skipped);
  switch (verdict.wire) {
    case Wire::undecided:
      return false;
    case Wire::msgpack:
      if (is_telnet_) {  // its bytes 0xff would be taken for commands
        context_.close();
        return false;
      }
      protocol_.emplace<MsgpackProtocol>(context_);
      return true;
    case Wire::text:
      protocol_.emplace<TextProtocol>(context_);
      return true;
    case Wire::http:
      context_.refuse_http();
      return false;
    case Wire::headers:
      context_.refuse_headers();
      return false;
    case Wire::tls:
    case Wire::nothing:
      context_.close();
      return false;
  }
  return false;
}

void Dialogue::peer_ended() {
  context_.end_peer();
  if (auto* const text = std::get_if<TextProtocol>(&protocol_)) text->peer_ended();
}

void Dialogue::end_of_input() {
  if (closing()) return;
  context_.end_input();
  peer_ended();
  proceed();
}

void Dialogue::logged_in() {
  context_.bound_messages();
  with_protocol(protocol_, [&](auto& protocol) { protocol.allow(context_.message_bytes_max()); });
}

void Dialogue::end(const Error& error) {
  if (closing()) return;
  with_protocol(protocol_, [&](auto& protocol) { protocol.refuse(error); });
  context_.close();
}

// ---- effects -------------------------------------------------------------------------------

void Dialogue::deliver(const Effect& effect, const Effects& effects) {
  if (effect.kind == Effect::Kind::link_closed) {
    context_.closed();
    ended_ = true;
    return;
  }
  if (effect.kind == Effect::Kind::postponed) return context_.note_postponed();
  if (cut_off_) return;
  guarded([&] {
    if (effect.kind == Effect::Kind::notice) return notice(effect, effects);
    const bool waits = holds_replies() || context_.full();
    if (waits && effect.kind != Effect::Kind::parked) return hold(effect, effects);
    const bool failed = effect.kind == Effect::Kind::failure;
    pass_on(effect, failed ? PackedView{} : effects.result(effect));
  });
}

/// Gives a reply or a notice to the protocol.
void Dialogue::pass_on(const Effect& effect, PackedView value) {
  with_protocol(protocol_, [&](auto& protocol) {
    if (effect.kind == Effect::Kind::notice) return protocol.notice(value);
    protocol.reply(effect, value);
  });
}

void Dialogue::notice(const Effect& effect, const Effects& effects) {
  if (closing()) return;
  if (holds_replies() || full()) {
    // A subscriber that does not read its notices would fill the server's memory.
    return effect.tag == kCatchingUp ? hold(effect, effects) : cut_off();
  }
  if (effect.length < EncodedValues::kNoticeBytesMin) {
    return pass_on(effect, effects.result(effect));
  }
  with_protocol(protocol_, [&](auto& protocol) {
    EncodedValues& encoded = context_.shared.encoded;
    context_.output.append(encoded.notice(effect, effects, protocol.in_json()));
  });
}

void Dialogue::hold(const Effect& effect, const Effects& effects) {
  if (held_ == nullptr) held_ = std::make_unique<HeldEffects>();
  held_->add(effect, effects);
}

bool Dialogue::take_held() {
  if (context_.full()) return false;
  guarded([&] {
    while (held_ != nullptr && !held_->empty() && !context_.full()) {
      held_->take_first([&](const Effect& effect, PackedView value) { pass_on(effect, value); });
    }
  });
  if (held_ != nullptr && held_->empty()) held_.reset();
  return true;
}

/// Closes the connection with a last message that gives the reason. An opened session loses
/// nothing: it resumes and catches up.
void Dialogue::cut_off() {
  cut_off_ = true;
  held_.reset();
  const Error error{Errc::overloaded,
                    "more than " + std::to_string(context_.limits.output_bytes_max) +
                        " bytes of output were not read; the connection is closed before the next "
                        "notice, an opened session may resume",
                    Done::no,
                    {}};
  with_protocol(protocol_, [&](auto& protocol) { protocol.refuse(error); });
  context_.close();
}

}  // namespace agora
