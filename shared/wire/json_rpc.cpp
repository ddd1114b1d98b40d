// SPDX-License-Identifier: MIT

#include "shared/wire/json_rpc.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "shared/value/error_text.hpp"
#include "shared/value/msgpack_reader.hpp"
#include "shared/value/msgpack_writer.hpp"
#include "shared/wire/error_data.hpp"
#include "shared/wire/json_write.hpp"

namespace agora {
namespace {

Failure invalid(std::string message) { return fail(Errc::invalid_request, std::move(message)); }

Token first_token(PackedView value) {
  Token token;
  Reader(value).next(token);
  return token;
}

bool is_integer_or_null(const Token& token) {
  return !token.unknown_extension && (token.kind == Kind::integer || token.kind == Kind::null);
}

bool is_id(PackedView value) {
  const Token token = first_token(value);
  if (token.kind == Kind::text) return token.body.size() <= kIdBytesMax;
  return is_integer_or_null(token);
}

}  // namespace

// The members of a request object that the protocol defines, still in loose form.
struct JsonRpcDecoder::Members {
  PackedView version;
  PackedView id;
  PackedView method;
  PackedView params;
  PackedView guard;

  PackedView* find(std::string_view name) {
    if (name == "jsonrpc") return &version;
    if (name == "id") return &id;
    if (name == "method") return &method;
    if (name == "params") return &params;
    if (name == "guard") return &guard;
    return nullptr;
  }

  Expected<void> read(PackedView loose);
  Expected<void> check() const;
};

Expected<void> JsonRpcDecoder::Members::read(PackedView loose) {
  Reader reader(loose);
  Token header;
  reader.next(header);
  if (header.kind != Kind::map) return invalid("a request is a JSON object");
  for (std::uint32_t i = 0; i < header.count; ++i) {
    Token name;
    reader.next(name);
    const PackedView value = reader.value();
    PackedView* const member = find(name.body);
    if (member == nullptr) continue;
    if (member->present()) {
      return invalid("the request has two members \"" + std::string(name.body) + "\"");
    }
    *member = value;
  }
  return {};
}

Expected<void> JsonRpcDecoder::Members::check() const {
  if (version.present() && first_token(version).body != "2.0") {
    return invalid(R"("jsonrpc" must be "2.0")");
  }
  if (id.present() && !is_id(id)) {
    return invalid("\"id\" must be text of at most " + std::to_string(kIdBytesMax) +
                   " bytes, an integer or null");
  }
  if (!method.present() || first_token(method).kind != Kind::text) {
    return invalid("\"method\" must be there, as text");
  }
  if (!params.present()) return {};
  const Token token = first_token(params);
  if (token.kind == Kind::list || token.kind == Kind::map) return {};
  return invalid("\"params\" must be an array or an object");
}

bool is_json_line(std::string_view line) {
  const std::size_t first = line.find_first_not_of(" \t");
  return first != std::string_view::npos && (line[first] == '{' || line[first] == '[');
}

JsonRpcDecoder::Result JsonRpcDecoder::decode(std::string_view line) {
  messages_.clear();
  slices_.clear();
  out_.clear();
  if (auto parsed = reader_.parse(line); !parsed) return refuse_unread(std::move(parsed.error()));
  Budget budget(limits_);
  const PackedView whole(reader_.loose());
  const Token header = first_token(whole);
  const bool batch = header.kind == Kind::list;
  if (!batch) {
    add(whole, budget);
  } else if (header.count == 0) {
    return refuse({Errc::invalid_request, "a batch must not be empty", Done::no, {}});
  } else if (header.count > limits_.batch_calls_max) {
    return refuse(
        too_large("batch_calls_max",
                  "a batch has at most " + std::to_string(limits_.batch_calls_max) + " calls"));
  } else {
    Reader reader(whole);
    Token skipped;
    reader.next(skipped);
    for (std::uint32_t i = 0; i < header.count; ++i) add(reader.value(), budget);
  }
  resolve();
  return {messages_, batch};
}

JsonRpcDecoder::Result JsonRpcDecoder::refuse(Error error) {
  Message& message = messages_.emplace_back();
  message.request.id = kNullValue;
  message.refusal = std::make_unique<Error>(std::move(error));
  return {messages_, false};
}

JsonRpcDecoder::Result JsonRpcDecoder::refuse_unread(Error error) {
  const bool cut = error.code == Errc::too_large;
  const Result result = refuse(std::move(error));
  Members members;
  if (!cut || !members.read(PackedView(reader_.loose())) || !members.id.present()) return result;
  // An id is a scalar, whose loose form is its normal form.
  if (is_id(members.id)) messages_.front().request.id = members.id;
  return result;
}

void JsonRpcDecoder::add(PackedView loose, Budget& budget) {
  Message& message = messages_.emplace_back();
  Slices& slices = slices_.emplace_back();
  auto done = read_call(loose, message, slices, budget);
  if (!done) message.refusal = std::make_unique<Error>(std::move(done.error()));
}

// Until the envelope has been checked, a refusal has the id null: it is sent even if the message
// turns out to have no id.
Expected<void> JsonRpcDecoder::read_call(PackedView loose, Message& message, Slices& slices,
                                         Budget& budget) {
  message.request.id = kNullValue;
  Members members;
  if (auto read = members.read(loose); !read) return read;
  if (auto checked = members.check(); !checked) return checked;
  message.request.id = PackedView{};
  message.request.method = first_token(members.method).body;
  if (members.id.present()) {
    slices.id.begin = out_.size();
    Budget id_budget(limits_);
    if (auto done = reader_.to_packed(members.id.bytes(), false, out_, id_budget); !done) {
      return done;
    }
    slices.id.size = out_.size() - slices.id.begin;
  }
  return read_contents(members, slices, budget);
}

Expected<void> JsonRpcDecoder::read_contents(const Members& members, Slices& slices,
                                             Budget& budget) {
  // The depth of a parameter does not include the list or map that holds the parameters.
  const std::uint32_t depth_max = budget.depth_max;
  budget.depth_max = depth_max + 1;
  Expected<void> done;
  if (members.params.present()) {
    slices.params.begin = out_.size();
    done = reader_.to_packed(members.params.bytes(), true, out_, budget);
    slices.params.size = out_.size() - slices.params.begin;
  }
  budget.depth_max = depth_max;
  if (!done || !members.guard.present()) return done;
  slices.options.begin = out_.size();
  Writer writer(out_);
  writer.map(1);
  writer.text("guard");
  done = reader_.to_packed(members.guard.bytes(), false, out_, budget);
  slices.options.size = out_.size() - slices.options.begin;
  return done;
}

void JsonRpcDecoder::resolve() {
  const auto view = [this](const Slice& slice) {
    return PackedView{std::string_view(out_).substr(slice.begin, slice.size)};
  };
  for (std::size_t i = 0; i < messages_.size(); ++i) {
    Request& request = messages_[i].request;
    if (slices_[i].id.size > 0) request.id = view(slices_[i].id);
    if (messages_[i].refusal != nullptr) continue;
    request.params = view(slices_[i].params);
    request.options = view(slices_[i].options);
  }
}

void encode_json_reply_head(PackedView id, std::string& out) {
  out.append(R"({"jsonrpc":"2.0","id":)");
  packed_to_json(id, out);
  out.append(R"(,"result":)");
}

void encode_json_reply(PackedView id, PackedView result, std::string& out) {
  encode_json_reply_head(id, out);
  packed_to_json(result, out);
  out.push_back('}');
}

void encode_json_reply_head(std::uint64_t id, std::string& out) {
  constexpr std::string_view kHead = R"({"jsonrpc":"2.0","id":)";
  constexpr std::string_view kResult = R"(,"result":)";
  std::array<char, kHead.size() + 20 + kResult.size()> front;
  char* end = std::copy(kHead.begin(), kHead.end(), front.data());
  end = std::to_chars(end, end + 20, id).ptr;
  end = std::copy(kResult.begin(), kResult.end(), end);
  out.append(front.data(), end);
}

void encode_json_reply(std::uint64_t id, PackedView result, std::string& out) {
  encode_json_reply_head(id, out);
  packed_to_json(result, out);
  out.push_back('}');
}

void encode_json_error(PackedView id, const Error& error, std::string& out) {
  out.append(R"({"jsonrpc":"2.0","id":)");
  packed_to_json(id, out);
  out.append(R"(,"error":{"code":)");
  out.append(std::to_string(static_cast<std::int32_t>(error.code)));
  out.append(R"(,"message":)");
  text_to_json(shown(error.message, kMessageBytesMax), out);
  out.append(R"(,"data":)");
  std::string data;
  append_error_data(error, data);
  packed_to_json(PackedView{data}, out);
  out.append("}}");
}

void encode_json_notice(PackedView params, std::string& out) {
  out.append(R"({"jsonrpc":"2.0","method":"notice","params":)");
  packed_to_json(params, out);
  out.push_back('}');
}

}  // namespace agora
