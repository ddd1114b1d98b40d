// SPDX-License-Identifier: MIT

#include "server/net/typed_protocol.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "server/core/state/signature.hpp"
#include "server/net/call_tag.hpp"
#include "shared/value/msgpack_reader.hpp"
#include "shared/wire/json_rpc.hpp"
#include "shared/wire/typed_line.hpp"

namespace agora {

bool TypedProtocol::must_hold_back(std::string_view line) const {
  if (tag_ == 0) return false;
  const Limits& limits = context_.limits;
  const bool full =
      queued_.size() >= limits.typed_lines_max || queued_bytes_ > limits.typed_bytes_max;
  return full && !is_json_line(line) && !typed_method(line).empty();
}

void TypedProtocol::read_line(std::string_view line) {
  if (tag_ == 0) return run(line);
  if (typed_method(line).empty()) return context_.engine.cancel(context_.link(), tag_);
  queued_.emplace_back(line);
  queued_bytes_ += line.size();
  context_.queued_bytes += line.size();
}

void TypedProtocol::run(std::string_view line) {
  const std::string_view method = typed_method(line);
  if (method.empty()) return;
  if (method == "quit") return context_.close();
  const MethodRef* ref = context_.engine.machine().catalogue().find(method);
  std::vector<ParameterHint> hints;
  MethodHint hint;
  for (std::size_t i = 0; ref != nullptr && i < parameter_count(*ref); ++i) {
    const Parameter& parameter = parameter_at(*ref, i);
    const bool is_text = parameter.kind == ParamKind::text || parameter.kind == ParamKind::name;
    hints.push_back({parameter.name, is_text});
    hint.free_options = hint.free_options || parameter.name == "options";
  }
  hint.parameters = hints;
  auto request = decode_typed_line(line, hint, context_.limits, context_.shared.typed_scratch);
  if (!request) {
    context_.engine.heartbeat(context_.link());
    context_.engine.turn();  // the replies to earlier calls come first
    return write(request.error());
  }
  const std::uint64_t tag = call_tag(ReplyForm::typed, ++last_number_);
  if (auto taken = context_.submit(*request, tag, Numbering::none, 0); !taken) {
    context_.engine.turn();  // the replies to earlier calls come first
    return write(taken.error());
  }
  tag_ = tag;
  is_help_ = method == "help";
  // Until the engine has run the call it is unknown whether the next line has to be queued.
  context_.pause();
  context_.engine.turn();
}

void TypedProtocol::reply(const Reply& reply) {
  write(reply);
  tag_ = 0;
  context_.resume();
  run_queued();
  if (context_.input_done()) end_of_input();
}

void TypedProtocol::run_queued() {
  while (tag_ == 0 && !queued_.empty() && !context_.closing()) {
    const std::string line = std::move(queued_.front());
    queued_.pop_front();
    queued_bytes_ -= line.size();
    context_.queued_bytes -= std::min(context_.queued_bytes, line.size());
    context_.let_on();
    run(line);
  }
}

void TypedProtocol::write(const Reply& reply) {
  std::string& out = context_.output.bytes();
  if (reply.error != nullptr) {
    encode_typed_error(*reply.error, out);
  } else if (is_help_ && reply.value.kind() == Kind::text) {
    Token text;
    Reader reader{reply.value};
    static_cast<void>(reader.next(text));
    out += text.body;
  } else if (reply.blob) {
    context_.output.append(context_.shared.encoded.json(reply.blob));  // as encode_typed_result
  } else {
    encode_typed_result(reply.value, out);
  }
  out += '\n';
}

void TypedProtocol::parked(std::uint64_t tag) {
  if (tag != tag_) return;
  context_.resume();
  if (context_.input_done()) end_of_input();
}

void TypedProtocol::refuse(const Error& error) { write(error); }

void TypedProtocol::end_of_input() {
  if (context_.closing() || context_.paused()) return;
  if (queued_.empty()) return context_.close();
  // The client has left, so the waiting line gives way. Its reply calls end_of_input() again.
  if (tag_ != 0) context_.engine.cancel(context_.link(), tag_);
}

void TypedProtocol::peer_ended() {
  if (!context_.peer_ended() || !context_.held_back() || tag_ == 0) return;
  context_.engine.cancel(context_.link(), tag_);
}

}  // namespace agora
