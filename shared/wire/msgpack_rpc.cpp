// SPDX-License-Identifier: MIT

#include "shared/wire/msgpack_rpc.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "shared/value/error_text.hpp"
#include "shared/value/msgpack_reader.hpp"
#include "shared/value/msgpack_writer.hpp"
#include "shared/value/normalize.hpp"
#include "shared/value/utf8.hpp"
#include "shared/wire/error_data.hpp"

namespace agora {
namespace {

constexpr std::uint64_t kReplyType = 1;
constexpr std::uint64_t kNotificationType = 2;
constexpr std::uint64_t kMsgidMax = std::numeric_limits<std::uint32_t>::max();
constexpr PackedView kZero{std::string_view{"\0", 1}};

bool is_natural(const Token& token, std::uint64_t max) {
  return token.kind == Kind::integer && !token.negative && token.natural <= max;
}

// Returns the next token. If it is missing or malformed, its kind is opaque, which no caller
// accepts.
Token next_token(Reader& reader) {
  Token token;
  if (reader.next(token) != Reader::Status::ok) token.kind = Kind::opaque;
  return token;
}

Failure wrong_shape(std::string message) { return fail(Errc::invalid_request, std::move(message)); }

class CallReader {
 public:
  CallReader(std::string_view frame, const Limits& limits, std::string& out)
      : frame_(frame), reader_(frame), budget_(limits), out_(out), id_begin_(out.size()) {}

  Message read() {
    Message message;
    auto done = envelope(message.request);
    message.close = !done;
    if (done) done = check_method(message.request);
    if (done) done = params(message);
    if (done) {
      const std::string_view all(out_);
      message.request.params =
          PackedView{all.substr(params_begin_, options_begin_ - params_begin_)};
      message.request.options = PackedView{all.substr(options_begin_)};
    } else {
      out_.resize(params_begin_);
      message.refusal = std::make_unique<Error>(std::move(done.error()));
    }
    if (params_begin_ > id_begin_) {
      const std::size_t size = params_begin_ - id_begin_;
      message.request.id = PackedView{std::string_view(out_).substr(id_begin_, size)};
    }
    return message;
  }

 private:
  // A message of wrong shape gets an error reply, even if it looks like a notification.
  Expected<void> envelope(Request& request) {
    request.id = kZero;
    params_begin_ = id_begin_;
    const Token header = next_token(reader_);
    if (header.kind != Kind::list) return wrong_shape("a message is a list");
    const Token type = next_token(reader_);
    if (!is_natural(type, kNotificationType)) {
      return wrong_shape("a message begins with its type, 0 or 2");
    }
    const bool numbered = type.natural != kNotificationType;
    if (numbered) {
      const Token msgid = next_token(reader_);
      if (!is_natural(msgid, kMsgidMax)) {
        return wrong_shape("the msgid is an integer from 0 to 4294967295");
      }
      Writer(out_).unsigned_integer(msgid.natural);
      params_begin_ = out_.size();
    }
    if (type.natural == kReplyType) return wrong_shape("the server asks nothing, so no reply fits");
    if (header.count != (numbered ? 4U : 3U)) {
      return wrong_shape("a message is [0, msgid, method, params] or [2, method, params]");
    }
    const Token method = next_token(reader_);
    // Some clients (pynvim) write the method as bytes; check_method() validates them.
    if (method.kind != Kind::text && method.kind != Kind::bytes) {
      return wrong_shape("the method is a text");
    }
    params_header_ = next_token(reader_);
    if (params_header_.kind != Kind::list) return wrong_shape("the parameters are a list");
    request.method = method.body;
    if (!numbered) request.id = PackedView{};
    return {};
  }

  static Expected<void> check_method(Request& request) {
    if (is_utf8(request.method)) return {};
    request.method = {};
    return wrong_shape("the method is not valid UTF-8");
  }

  // Each parameter is a value of its own: its depth starts at 0.
  Expected<void> params(Message& message) {
    const std::uint32_t count = params_header_.count;
    Writer(out_).list(count);
    std::size_t at = reader_.position();
    std::size_t options_size = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::string_view rest = frame_.substr(at);
      options_begin_ = out_.size();
      const bool last = i + 1 == count;
      auto taken = last && is_options(rest) ? options(rest) : normalize(rest, out_, budget_);
      if (!taken) {
        // A parse_error cannot occur in a frame from the framer, which ends at a whole value.
        message.close = taken.error().code == Errc::parse_error;
        return taken.failure();
      }
      at += *taken;
      if (last && is_options(rest)) options_size = out_.size() - options_begin_;
    }
    message.close = at != frame_.size();
    if (message.close) return wrong_shape("there are bytes behind the message");
    options_begin_ = out_.size() - options_size;
    if (options_size > 0) drop_last_parameter(count);
    return {};
  }

  static bool is_options(std::string_view bytes) {
    Token token;
    return Reader(bytes).next(token) == Reader::Status::ok && token.unknown_extension &&
           token.extension == kCallOptionsExtension;
  }

  Expected<std::size_t> options(std::string_view bytes) {
    Reader reader(bytes);
    const Token extension = next_token(reader);
    Reader body(extension.body);
    auto taken = normalize(extension.body, out_, budget_);
    const bool broken = !taken && taken.error().code == Errc::parse_error;
    if (broken || (taken && *taken != extension.body.size()) ||
        next_token(body).kind != Kind::map) {
      return fail(Errc::value_error, "call options (extension 3) hold exactly one map");
    }
    if (!taken) return taken;
    return reader.position();
  }

  // Rewrites the header of the parameters, which counted the call options among them.
  void drop_last_parameter(std::uint32_t count) {
    std::string before;
    Writer(before).list(count);
    std::string after;
    Writer(after).list(count - 1);
    out_.replace(params_begin_, before.size(), after);
    options_begin_ -= before.size() - after.size();
  }

  std::string_view frame_;
  Reader reader_;
  Budget budget_;
  std::string& out_;
  std::size_t id_begin_;
  std::size_t params_begin_ = 0;  // also the end of the id
  std::size_t options_begin_ = 0;
  Token params_header_;
};

}  // namespace

Message decode_msgpack_call(std::string_view frame, const Limits& limits, std::string& out) {
  return CallReader(frame, limits, out).read();
}

std::uint32_t msgid_of(std::string_view bytes) {
  // The Reader refuses a header that announces more than the buffer holds, so skip it by hand.
  if (bytes.empty()) return 0;
  const auto first = static_cast<unsigned char>(bytes[0]);
  const std::size_t header = first == 0xdc ? 3 : first == 0xdd ? 5 : 1;
  if (header == 1 && (first & 0xf0U) != 0x90U) return 0;
  Reader reader(bytes.substr(std::min(header, bytes.size())));
  const Token type = next_token(reader);
  const Token msgid = next_token(reader);
  const bool request = is_natural(type, kReplyType) && is_natural(msgid, kMsgidMax);
  return request ? static_cast<std::uint32_t>(msgid.natural) : 0;
}

void encode_msgpack_reply(PackedView id, PackedView result, std::string& out) {
  Writer writer(out);
  writer.list(4);
  writer.unsigned_integer(kReplyType);
  writer.packed(id);
  writer.null();
  writer.packed(result);
}

void encode_msgpack_reply_head(std::uint32_t id, std::string& out) {
  // Every reply has this head, so it is built on the stack and appended once.
  char head[8] = {'\x94', static_cast<char>(kReplyType)};
  char* end = head + 2;
  if (id < 0x80) {
    *end++ = static_cast<char>(id);
  } else {
    const int width = id < 0x100 ? 1 : id < 0x10000 ? 2 : 4;
    *end++ = width == 1 ? '\xcc' : width == 2 ? '\xcd' : '\xce';
    for (int bits = (width - 1) * 8; bits >= 0; bits -= 8) *end++ = static_cast<char>(id >> bits);
  }
  *end++ = '\xc0';
  out.append(head, static_cast<std::size_t>(end - head));
}

void encode_msgpack_error(PackedView id, const Error& error, std::string& out) {
  Writer writer(out);
  writer.list(4);
  writer.unsigned_integer(kReplyType);
  writer.packed(id);
  writer.list(4);
  writer.integer(static_cast<std::int32_t>(error.code));
  writer.text(type_name(error.code));
  writer.text(shown(error.message, kMessageBytesMax));
  append_error_data(error, out);
  writer.null();
}

void encode_msgpack_notice(PackedView params, std::string& out) {
  Writer writer(out);
  writer.list(3);
  writer.unsigned_integer(kNotificationType);
  writer.text("notice");
  writer.list(1);
  writer.packed(params);
}

}  // namespace agora
