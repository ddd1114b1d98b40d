// SPDX-License-Identifier: MIT

#include "server/net/msgpack_protocol.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

#include "server/net/call_tag.hpp"
#include "shared/value/msgpack_reader.hpp"
#include "shared/value/msgpack_writer.hpp"
#include "shared/wire/msgpack_rpc.hpp"

namespace agora {
namespace {

std::string packed_msgid(std::uint64_t msgid) {
  std::string id;
  Writer{id}.unsigned_integer(msgid);
  return id;
}

}  // namespace

void MsgpackProtocol::read(std::string_view& rest) {
  while (!rest.empty() && context_.may_take() && read_message(rest)) context_.count_message();
}

/// Takes one message. Returns false if none is complete, or the framing is lost.
bool MsgpackProtocol::read_message(std::string_view& rest) {
  const bool at_begin = framer_.at_begin();
  if (at_begin && try_fast_path(rest)) return true;
  const FrameStatus status = framer_.scan(rest);
  if (status == FrameStatus::need_more) return false;
  if (status == FrameStatus::broken) {
    lose_framing(rest);
    return false;
  }
  if (!at_begin && try_fast_path(rest)) return true;  // the message came in pieces
  const std::string_view frame = rest.substr(0, framer_.frame_bytes());
  context_.shared.scratch.clear();
  run(decode_msgpack_call(frame, context_.limits, context_.shared.scratch));
  rest.remove_prefix(frame.size());
  return true;
}

/// Takes a usual call that is complete in the buffer. Returns false without having taken anything
/// if the framer and the decoder have to look at the message.
bool MsgpackProtocol::try_fast_path(std::string_view& rest) {
  SimpleCall& simple = context_.shared.simple_call;
  const std::size_t ascii = std::min(context_.input.ascii_bytes(), rest.size());
  if (!read_simple_call(rest, simple, ascii)) return false;
  if (simple.frame_bytes > context_.message_bytes_max()) return false;
  CallRequest call = context_.request(call_tag(ReplyForm::msgpack, simple.id), Numbering::low_bits,
                                      simple.id, simple.method);
  call.positional = simple.params();
  if (simple.frame_bytes >= kLargeMessage) {
    call.message = context_.input.buffer_ending_at(rest.data() + simple.frame_bytes);
  }
  if (auto taken = context_.engine.call(call); !taken) {
    context_.engine.turn();  // the replies to earlier calls come first
    encode_msgpack_error(PackedView{packed_msgid(simple.id)}, taken.error(),
                         context_.output.bytes());
  }
  rest.remove_prefix(simple.frame_bytes);
  return true;
}

/// Submits a decoded call. If the message is no valid call, writes an error instead.
void MsgpackProtocol::run(const Message& message) {
  const PackedView id = message.request.id;
  if (message.refusal) {
    context_.engine.heartbeat(context_.link());
    context_.engine.turn();  // the replies to earlier calls come first
    if (id.present()) encode_msgpack_error(id, *message.refusal, context_.output.bytes());
    if (message.close) context_.close();
    return;
  }
  if (!id.present()) {
    static_cast<void>(
        context_.submit(message.request, call_tag(ReplyForm::none), Numbering::notification, 0));
    return;
  }
  Token msgid;
  Reader reader{id};
  static_cast<void>(reader.next(msgid));
  const std::uint64_t tag = call_tag(ReplyForm::msgpack, msgid.natural);
  if (auto taken = context_.submit(message.request, tag, Numbering::low_bits, msgid.natural);
      !taken) {
    context_.engine.turn();  // the replies to earlier calls come first
    encode_msgpack_error(id, taken.error(), context_.output.bytes());
  }
}

void MsgpackProtocol::lose_framing(std::string_view rest) {
  const std::string id = packed_msgid(msgid_of(rest));
  context_.engine.turn();  // the replies to earlier calls come first
  encode_msgpack_error(PackedView{id}, framer_.error(), context_.output.bytes());
  context_.close();
}

void MsgpackProtocol::reply(const Effect& effect, PackedView value) {
  if (form_of(effect.tag) != ReplyForm::msgpack || effect.kind == Effect::Kind::parked) return;
  std::string& out = context_.output.bytes();
  if (effect.error) {
    return encode_msgpack_error(PackedView{packed_msgid(effect.tag)}, *effect.error, out);
  }
  encode_msgpack_reply_head(static_cast<std::uint32_t>(effect.tag), out);
  // A large value is shared instead of copied.
  if (effect.blob.view().present()) {
    context_.adapt_batch_size(effect.blob.view().size());
    return context_.output.append(effect.blob);
  }
  context_.adapt_batch_size(value.size());
  out += value.bytes();
}

void MsgpackProtocol::notice(PackedView params) {
  encode_msgpack_notice(params, context_.output.bytes());
}

void MsgpackProtocol::refuse(const Error& error) {
  encode_msgpack_error(PackedView{packed_msgid(0)}, error, context_.output.bytes());
}

}  // namespace agora
