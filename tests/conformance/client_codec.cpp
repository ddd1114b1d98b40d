// SPDX-License-Identifier: MIT

#include "tests/conformance/client_codec.hpp"

#include <deque>
#include <optional>

#include <nlohmann/json.hpp>

#include "server/core/state/signature.hpp"
#include "shared/value/msgpack_reader.hpp"
#include "shared/value/msgpack_writer.hpp"
#include "shared/wire/framing.hpp"
#include "shared/wire/json_read.hpp"
#include "shared/wire/json_write.hpp"
#include "shared/wire/typed_line.hpp"

namespace agora::test {
namespace {

Token read(Reader& reader) {
  Token token;
  if (reader.next(token) != Reader::Status::ok) throw std::runtime_error("broken reply");
  return token;
}

/// Converts a JSON value to typed text. The value goes through the server's JSON reader, so that
/// the text is the one that the server's own writer makes.
std::string typed_text(const nlohmann::ordered_json& value) {
  std::string packed;
  Budget budget{Limits{}};
  if (!json_to_packed(value.dump(), packed, budget)) throw std::runtime_error(value.dump());
  return test::typed_text(PackedView{packed});
}

/// Returns the notice in a line of a text connection, or nullopt if the line is a reply.
std::optional<std::string> notice_in(const std::string& line) {
  if (!line.starts_with(R"({"jsonrpc":"2.0","method":"notice")")) return std::nullopt;
  return typed_text(nlohmann::ordered_json::parse(line).at("params"));
}

/// A typed reply is one line. The replies of help have several, so no transcript calls help.
class TypedCodec : public ClientCodec {
 public:
  std::string encode(std::uint64_t number, const std::string& line) override {
    pending_.push_back(number);
    return line + "\n";
  }
  std::vector<Decoded> decode(const std::string& bytes) override {
    std::vector<Decoded> decoded;
    buffer_ += bytes;
    for (std::size_t end; (end = buffer_.find('\n')) != std::string::npos;) {
      const std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      if (const auto notice = notice_in(line)) {
        decoded.push_back({0, *notice});
        continue;
      }
      decoded.push_back({pending_.front(), line});
      pending_.pop_front();
    }
    return decoded;
  }

 private:
  std::deque<std::uint64_t> pending_;
  std::string buffer_;
};

class JsonCodec : public ClientCodec {
 public:
  explicit JsonCodec(const Catalogue& catalogue) : catalogue_(catalogue) {}
  std::string encode(std::uint64_t number, const std::string& line) override {
    const ParsedLine parsed = parse_line(catalogue_, line);
    std::string text = "{\"id\":" + std::to_string(number) + ",\"method\":";
    text_to_json(parsed.method, text);
    text += ",\"params\":";
    packed_to_json(PackedView{parsed.params}, text);
    return text + "}\n";
  }
  std::vector<Decoded> decode(const std::string& bytes) override {
    std::vector<Decoded> decoded;
    buffer_ += bytes;
    for (std::size_t end; (end = buffer_.find('\n')) != std::string::npos;) {
      decoded.push_back(read_line(buffer_.substr(0, end)));
      buffer_.erase(0, end + 1);
    }
    return decoded;
  }

 private:
  static Decoded read_line(const std::string& line) {
    if (const auto notice = notice_in(line)) return {0, *notice};
    const auto reply = nlohmann::ordered_json::parse(line);
    const auto number = reply.at("id").get<std::uint64_t>();
    if (reply.contains("error")) {
      const auto& error = reply["error"];
      return {number, error["data"]["type"].get<std::string>() + ": " +
                          error["message"].get<std::string>()};
    }
    return {number, typed_text(reply["result"])};
  }

  const Catalogue& catalogue_;
  std::string buffer_;
};

class MsgpackCodec : public ClientCodec {
 public:
  explicit MsgpackCodec(const Catalogue& catalogue)
      : catalogue_(catalogue), framer_(FrameBounds{Limits{}}) {}
  std::string encode(std::uint64_t number, const std::string& line) override {
    const ParsedLine parsed = parse_line(catalogue_, line);
    std::string message;
    Writer out{message};
    out.list(4);
    out.integer(0), out.unsigned_integer(number), out.text(parsed.method);
    out.packed(PackedView{by_position(parsed)});
    return message;
  }
  std::vector<Decoded> decode(const std::string& bytes) override {
    std::vector<Decoded> decoded;
    buffer_ += bytes;
    while (!buffer_.empty() && framer_.scan(buffer_) == FrameStatus::frame) {
      decoded.push_back(read_frame(std::string_view{buffer_}.substr(0, framer_.frame_bytes())));
      buffer_.erase(0, framer_.frame_bytes());
    }
    return decoded;
  }

 private:
  /// Converts named parameters to positional ones, since MessagePack-RPC has no others. A parameter
  /// that is left out before the last given one gets its default.
  std::string by_position(const ParsedLine& parsed) const {
    const PackedView params{parsed.params};
    const MethodRef* ref = catalogue_.find(parsed.method);
    if (params.kind() != Kind::map || ref == nullptr) return parsed.params;
    std::vector<std::string> positions(parameter_count(*ref));
    std::size_t used = 0;
    Reader reader{params};
    for (std::uint32_t left = read(reader).count; left > 0; --left) {
      const Token key = read(reader);
      const PackedView value = reader.value();
      for (std::size_t i = 0; i < positions.size(); ++i) {
        if (parameter_at(*ref, i).name != key.body) continue;
        positions[i] = value.bytes();
        used = std::max(used, i + 1);
      }
    }
    std::string list;
    Writer{list}.list(static_cast<std::uint32_t>(used));
    for (std::size_t i = 0; i < used; ++i)
      list += positions[i].empty() ? default_value(*ref, i) : positions[i];
    return list;
  }
  static std::string default_value(const MethodRef& ref, std::size_t position) {
    const std::string text = default_text_of(parameter_at(ref, position));
    std::string packed;
    Budget budget{Limits{}};
    if (!json_to_packed(text.empty() ? "[]" : text, packed, budget)) return "\xc0";
    return packed;
  }
  static Decoded read_frame(std::string_view frame) {
    Reader reader{frame};
    read(reader);
    if (read(reader).natural == 2) {
      read(reader), read(reader);  // "notice", and the list with its one map
      return {0, test::typed_text(reader.value())};
    }
    const std::uint64_t number = read(reader).natural;
    const PackedView error = reader.value();
    if (error.is_null()) return {number, test::typed_text(reader.value())};
    Reader parts{error};
    read(parts), read(parts);
    const std::string type{read(parts).body};
    return {number, type + ": " + std::string{read(parts).body}};
  }

  const Catalogue& catalogue_;
  MsgpackFramer framer_;
  std::string buffer_;
};

}  // namespace

ParsedLine parse_line(const Catalogue& catalogue, const std::string& line) {
  ParsedLine parsed;
  parsed.method = typed_method(line);
  const MethodRef* ref = catalogue.find(parsed.method);
  std::vector<ParameterHint> hints;
  MethodHint hint;
  for (std::size_t i = 0; ref != nullptr && i < parameter_count(*ref); ++i) {
    const Parameter& parameter = parameter_at(*ref, i);
    hints.push_back(
        {parameter.name, parameter.kind == ParamKind::text || parameter.kind == ParamKind::name});
    hint.free_options = hint.free_options || parameter.name == "options";
  }
  hint.parameters = hints;
  const auto request = decode_typed_line(line, hint, Limits{}, parsed.params);
  if (!request) {
    parsed.error = typed_text(request.error());
  } else if (!request->params.present()) {
    parsed.params = "\x90";
  }
  return parsed;
}

std::string typed_text(PackedView result) {
  std::string text;
  encode_typed_result(result, text);
  return text;
}

std::string typed_text(const Error& error) {
  std::string text;
  encode_typed_error(error, text);
  return text;
}

std::unique_ptr<ClientCodec> make_codec(WireFormat format, const Catalogue& catalogue) {
  switch (format) {
    case WireFormat::typed:
      return std::make_unique<TypedCodec>();
    case WireFormat::json:
      return std::make_unique<JsonCodec>(catalogue);
    case WireFormat::msgpack:
      return std::make_unique<MsgpackCodec>(catalogue);
  }
  return nullptr;
}

}  // namespace agora::test
