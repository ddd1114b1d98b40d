// SPDX-License-Identifier: MIT

#include "server/net/text_protocol.hpp"

#include <utility>

#include "server/net/call_tag.hpp"
#include "shared/wire/json_rpc.hpp"
#include "shared/wire/sniff.hpp"

namespace agora {

void TextProtocol::read(std::string_view& rest) {
  while (!rest.empty() && context_.may_take() && read_line(rest)) {
  }
}

/// Takes one line. Returns false if none is complete, or the framing is lost.
bool TextProtocol::read_line(std::string_view& rest) {
  const FrameStatus status = framer_.scan(rest);
  std::string_view line = rest;
  std::size_t length = rest.size();
  if (status == FrameStatus::frame) {
    line = framer_.line();
    length = framer_.frame_bytes();
  } else if (status == FrameStatus::broken) {
    context_.engine.turn();  // the replies to earlier calls come first
    refuse(framer_.error(), is_json_line(rest.substr(0, 64)));
    context_.close();
    return false;
  } else if (!context_.input_ended()) {
    return false;
  }  // else: at the end of the input, a last line without its line end is a line
  if (typed_.must_hold_back(line)) {
    context_.hold_back();
    typed_.peer_ended();
    return false;
  }
  const std::size_t calls = run(line);
  rest.remove_prefix(length);
  context_.count_message(calls);
  return true;
}

/// Runs one line. @return how many calls it had
std::size_t TextProtocol::run(std::string_view line) {
  if (line.empty()) {
    typed_.read_line(line);
    return 1;
  }
  if (std::exchange(first_line_, false) && is_http_line(line)) {
    context_.refuse_http();
    return 1;
  }
  if (is_header_line(line)) {
    context_.refuse_headers();
    return 1;
  }
  last_was_json_ = is_json_line(line);
  if (last_was_json_) return json_.read_line(line);
  typed_.read_line(line);
  return 1;
}

void TextProtocol::interrupt() {
  framer_.restart();
  typed_.read_line({});
}

void TextProtocol::reply(const Effect& effect, PackedView value) {
  if (effect.kind == Effect::Kind::parked) return typed_.parked(effect.tag);
  context_.adapt_batch_size(value.size());
  const Reply reply{value, effect.error.get(), effect.blob};
  if (form_of(effect.tag) == ReplyForm::typed) return typed_.reply(reply);
  json_.reply(effect.tag, reply);
}

void TextProtocol::refuse(const Error& error, bool as_json) {
  as_json ? json_.refuse(error) : typed_.refuse(error);
}

}  // namespace agora
