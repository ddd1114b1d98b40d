// SPDX-License-Identifier: MIT

#include "server/net/json_protocol.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "server/core/methods/scalar.hpp"
#include "server/net/call_tag.hpp"
#include "shared/value/msgpack_reader.hpp"
#include "shared/value/msgpack_writer.hpp"
#include "shared/wire/error_data.hpp"
#include "shared/wire/json_rpc.hpp"

namespace agora {
namespace {

constexpr std::string_view kCancel = "session.cancel";

/// From this size on, in bytes, the replies of a batch are moved to an empty output.
constexpr std::size_t kMovedMin = std::size_t{64} << 10;

Error batch_too_large(std::size_t most) {
  Error error =
      too_large("frame_bytes_max", "the replies of this batch are over " + std::to_string(most) +
                                       " bytes with this one; send fewer calls in one");
  error.done = Done::yes;
  return error;
}

/// Returns the parameter `id` of session.cancel; absent if there is none.
PackedView id_to_cancel(PackedView params) {
  Reader reader{params};
  Token head;
  if (!params.present()) return {};
  static_cast<void>(reader.next(head));
  if (head.kind == Kind::list) return head.count > 0 ? reader.value() : PackedView{};
  for (std::uint32_t i = 0; head.kind == Kind::map && i < head.count; ++i) {
    Token name;
    static_cast<void>(reader.next(name));
    const PackedView value = reader.value();
    if (name.body == "id") return value;
  }
  return {};
}

bool is_natural(const Token& token) { return token.kind == Kind::integer && !token.negative; }

}  // namespace

std::size_t JsonProtocol::read_line(std::string_view line) {
  if (try_fast_path(line)) return 1;
  const JsonRpcDecoder::Result calls = context_.shared.json.decode(line);
  std::uint64_t batch = 0;
  if (calls.batch) {
    batch = ++last_key_;
    batches_[batch].missing = 1;
  }
  for (Message& message : calls.messages) run(message, batch);
  if (calls.batch) finish_one(batch);
  return calls.messages.size();
}

/// Takes a usual call. Returns false without having taken anything if the decoder has to look at
/// the line.
bool JsonProtocol::try_fast_path(std::string_view line) {
  JsonSimpleCall& simple = context_.shared.simple_json_call;
  if (!read_json_simple_call(line, simple, context_.shared.scratch)) return false;
  if (simple.method == kCancel) return false;
  CallRequest call = context_.request(call_tag(ReplyForm::simple_json, simple.id), Numbering::whole,
                                      simple.id, simple.method);
  call.positional = simple.params();
  if (auto taken = context_.engine.call(call); !taken) {
    context_.engine.turn();  // the replies to earlier calls come first
    reply_simple(number_of(call.tag), {{}, &taken.error(), {}});
  }
  return true;
}

/// The core knows natural ids only. Names the calls that have any other id, oldest first, by their
/// tags. @param params  receives the new parameters, if `cancel` has such an id
void JsonProtocol::name_calls_by_tag(Request& cancel, std::string& params) const {
  const PackedView id = id_to_cancel(cancel.params);
  if (!id.present() || is_natural(read(id))) return;
  std::vector<std::uint64_t> tags;
  for (const auto& [key, call] : open_calls_) {
    if (call.id.view().bytes() == id.bytes()) tags.push_back(call_tag(ReplyForm::json, key));
  }
  Writer out{params};
  out.list(1);
  out.list(static_cast<std::uint32_t>(tags.size()));
  for (const std::uint64_t tag : tags) out.unsigned_integer(tag);
  cancel.params = PackedView{params};
}

/// Submits one decoded call. If the message is no valid call, writes an error instead.
void JsonProtocol::run(Message& message, std::uint64_t batch) {
  Request& request = message.request;
  std::string cancel_params;
  if (request.method == kCancel) name_calls_by_tag(request, cancel_params);
  const bool is_notification = request.is_notification();
  OpenCall call{is_notification ? Packed{} : Packed{request.id}, batch};
  if (!is_notification && batch != 0) ++batches_[batch].missing;
  if (message.refusal) {
    context_.engine.heartbeat(context_.link());
    context_.engine.turn();  // the replies to earlier calls come first
    if (!is_notification) refuse_open(call, *message.refusal);
    return;
  }
  if (is_notification) {
    static_cast<void>(
        context_.submit(request, call_tag(ReplyForm::none), Numbering::notification, 0));
    return;
  }
  const Token id = read(request.id);
  const bool natural = is_natural(id);
  const std::uint64_t key = ++last_key_;
  auto taken =
      context_.submit(request, call_tag(ReplyForm::json, key),
                      natural ? Numbering::whole : Numbering::unusable, natural ? id.natural : 0);
  if (!taken) {
    context_.engine.turn();  // the replies to earlier calls come first
    return refuse_open(call, taken.error());
  }
  open_calls_.emplace(key, std::move(call));
}

void JsonProtocol::reply(std::uint64_t tag, const Reply& reply) {
  if (form_of(tag) == ReplyForm::simple_json) return reply_simple(number_of(tag), reply);
  if (form_of(tag) != ReplyForm::json) return;
  const auto it = open_calls_.find(number_of(tag));
  if (it == open_calls_.end()) return;
  const OpenCall call = std::move(it->second);
  open_calls_.erase(it);
  reply_open(call, reply);
}

void JsonProtocol::reply_simple(std::uint64_t id, const Reply& reply) {
  std::string& out = context_.output.bytes();
  if (reply.error != nullptr) {
    std::string packed;
    Writer{packed}.unsigned_integer(id);
    encode_json_error(PackedView{packed}, *reply.error, out);
    out += '\n';
  } else if (reply.blob) {
    encode_json_reply_head(id, out);
    context_.output.append(context_.shared.encoded.json(reply.blob));
    out += "}\n";
  } else {
    encode_json_reply(id, reply.value, out);
    out += '\n';
  }
}

void JsonProtocol::reply_open(const OpenCall& call, const Reply& reply) {
  if (call.batch != 0) return add_to_batch(call, reply);
  std::string& out = context_.output.bytes();
  if (reply.error != nullptr) {
    encode_json_error(call.id, *reply.error, out);
    out += '\n';
  } else if (reply.blob) {
    encode_json_reply_head(call.id, out);
    context_.output.append(context_.shared.encoded.json(reply.blob));
    out += "}\n";
  } else {
    encode_json_reply(call.id, reply.value, out);
    out += '\n';
  }
}

/// Adds a reply to its batch. In sum the replies have the bound of one: a result beyond it
/// gives way to an error.
void JsonProtocol::add_to_batch(const OpenCall& call, const Reply& reply) {
  const std::size_t most = context_.limits.frame_bytes_max;
  std::string& out = batches_[call.batch].replies;
  const std::size_t before = out.size();
  if (!out.empty()) out += ',';
  const std::size_t begin = out.size();
  bool fits = reply.error != nullptr || begin + reply.value.size() <= most;
  if (reply.error != nullptr) {
    encode_json_error(call.id, *reply.error, out);
  } else if (fits) {
    encode_json_reply(call.id, reply.value, out);
    fits = out.size() <= most;
  }
  if (!fits) {
    const bool overflowed = out.size() > most;  // JSON takes more bytes than the packed value
    out.resize(begin);
    encode_json_error(call.id, batch_too_large(most), out);
    if (overflowed) out.shrink_to_fit();
  }
  context_.queued_bytes += out.size() - before;
  finish_one(call.batch);
}

/// Counts one reply of a batch as made. Writes the array after the last one.
void JsonProtocol::finish_one(std::uint64_t batch) {
  const auto it = batches_.find(batch);
  if (--it->second.missing > 0) return;
  // A batch of notifications only has no reply at all.
  if (std::string& replies = it->second.replies; !replies.empty()) {
    context_.queued_bytes -= std::min(context_.queued_bytes, replies.size());
    std::string& out = context_.output.bytes();
    if (out.empty() && replies.size() > kMovedMin) {
      replies.insert(0, 1, '[');
      out = std::move(replies);
    } else {
      out.append(1, '[').append(replies);
    }
    out.append("]\n");
  }
  batches_.erase(it);
}

void JsonProtocol::notice(PackedView params) {
  encode_json_notice(params, context_.output.bytes());
  context_.output.bytes() += '\n';
}

void JsonProtocol::refuse(const Error& error) {
  encode_json_error(kNullValue, error, context_.output.bytes());
  context_.output.bytes() += '\n';
}

}  // namespace agora
