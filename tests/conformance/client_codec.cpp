#include "tests/conformance/speaker.hpp"

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
  if (reader.next(token) != Reader::Status::ok) throw std::runtime_error("broken answer");
  return token;
}

/// A JSON value as typed text: through the reader, so that it is shown as the server's writer shows
/// it.
std::string shown(const nlohmann::ordered_json& value) {
  std::string packed;
  Budget budget{Limits{}};
  if (!json_to_packed(value.dump(), packed, budget)) throw std::runtime_error(value.dump());
  return test::shown(PackedView{packed});
}

/// What a text connection says without having been asked, if the line is that.
std::optional<std::string> notice_in(const std::string& line) {
  if (!line.starts_with(R"({"jsonrpc":"2.0","method":"notice")")) return std::nullopt;
  return shown(nlohmann::ordered_json::parse(line).at("params"));
}

/// A complete typed answer is one line; those of help are not used in transcripts.
class TypedSpeaker : public Speaker {
 public:
  std::string say(std::uint64_t number, const std::string& line) override {
    awaited_.push_back(number);
    return line + "\n";
  }
  std::vector<Heard> hear(const std::string& bytes) override {
    std::vector<Heard> heard;
    buffer_ += bytes;
    for (std::size_t end; (end = buffer_.find('\n')) != std::string::npos;) {
      const std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      if (const auto notice = notice_in(line)) {
        heard.push_back({0, *notice});
        continue;
      }
      heard.push_back({awaited_.front(), line});
      awaited_.pop_front();
    }
    return heard;
  }

 private:
  std::deque<std::uint64_t> awaited_;
  std::string buffer_;
};

class JsonSpeaker : public Speaker {
 public:
  explicit JsonSpeaker(const Catalogue& catalogue) : catalogue_(catalogue) {}
  std::string say(std::uint64_t number, const std::string& line) override {
    const Spoken spoken = understand(catalogue_, line);
    std::string text = "{\"id\":" + std::to_string(number) + ",\"method\":";
    text_to_json(spoken.method, text);
    text += ",\"params\":";
    packed_to_json(PackedView{spoken.params}, text);
    return text + "}\n";
  }
  std::vector<Heard> hear(const std::string& bytes) override {
    std::vector<Heard> heard;
    buffer_ += bytes;
    for (std::size_t end; (end = buffer_.find('\n')) != std::string::npos;) {
      heard.push_back(read_line(buffer_.substr(0, end)));
      buffer_.erase(0, end + 1);
    }
    return heard;
  }

 private:
  static Heard read_line(const std::string& line) {
    if (const auto notice = notice_in(line)) return {0, *notice};
    const auto reply = nlohmann::ordered_json::parse(line);
    const auto number = reply.at("id").get<std::uint64_t>();
    if (reply.contains("error")) {
      const auto& error = reply["error"];
      return {number, error["data"]["type"].get<std::string>() + ": " +
                          error["message"].get<std::string>()};
    }
    return {number, shown(reply["result"])};
  }

  const Catalogue& catalogue_;
  std::string buffer_;
};

class MsgpackSpeaker : public Speaker {
 public:
  explicit MsgpackSpeaker(const Catalogue& catalogue)
      : catalogue_(catalogue), framer_(FrameBounds{Limits{}}) {}
  std::string say(std::uint64_t number, const std::string& line) override {
    const Spoken spoken = understand(catalogue_, line);
    std::string message;
    Writer out{message};
    out.list(4);
    out.integer(0), out.unsigned_integer(number), out.text(spoken.method);
    out.packed(PackedView{by_position(spoken)});
    return message;
  }
  std::vector<Heard> hear(const std::string& bytes) override {
    std::vector<Heard> heard;
    buffer_ += bytes;
    while (!buffer_.empty() && framer_.scan(buffer_) == FrameStatus::frame) {
      heard.push_back(read_frame(std::string_view{buffer_}.substr(0, framer_.frame_bytes())));
      buffer_.erase(0, framer_.frame_bytes());
    }
    return heard;
  }

 private:
  /// MessagePack-RPC has parameters by position only: named ones go to their places, what is left
  /// out before the last of them gets its default.
  std::string by_position(const Spoken& spoken) const {
    const PackedView params{spoken.params};
    const MethodRef* ref = catalogue_.find(spoken.method);
    if (params.kind() != Kind::map || ref == nullptr) return spoken.params;
    std::vector<std::string> places(parameter_count(*ref));
    std::size_t used = 0;
    Reader reader{params};
    for (std::uint32_t left = read(reader).count; left > 0; --left) {
      const Token key = read(reader);
      const PackedView value = reader.value();
      for (std::size_t i = 0; i < places.size(); ++i) {
        if (parameter_at(*ref, i).name != key.body) continue;
        places[i] = value.bytes();
        used = std::max(used, i + 1);
      }
    }
    std::string list;
    Writer{list}.list(static_cast<std::uint32_t>(used));
    for (std::size_t i = 0; i < used; ++i)
      list += places[i].empty() ? fallback(*ref, i) : places[i];
    return list;
  }
  static std::string fallback(const MethodRef& ref, std::size_t place) {
    const std::string text = default_text_of(parameter_at(ref, place));
    std::string packed;
    Budget budget{Limits{}};
    if (!json_to_packed(text.empty() ? "[]" : text, packed, budget)) return "\xc0";
    return packed;
  }
  static Heard read_frame(std::string_view frame) {
    Reader reader{frame};
    read(reader);
    if (read(reader).natural == 2) {
      read(reader), read(reader);  // "notice", and the list with its one map
      return {0, test::shown(reader.value())};
    }
    const std::uint64_t number = read(reader).natural;
    const PackedView error = reader.value();
    if (error.is_null()) return {number, test::shown(reader.value())};
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

Spoken understand(const Catalogue& catalogue, const std::string& line) {
  Spoken spoken;
  spoken.method = typed_method(line);
  const MethodRef* ref = catalogue.find(spoken.method);
  std::vector<ParameterHint> hints;
  MethodHint hint;
  for (std::size_t i = 0; ref != nullptr && i < parameter_count(*ref); ++i) {
    const Parameter& parameter = parameter_at(*ref, i);
    hints.push_back(
        {parameter.name, parameter.kind == ParamKind::text || parameter.kind == ParamKind::name});
    hint.free_options = hint.free_options || parameter.name == "options";
  }
  hint.parameters = hints;
  const auto request = decode_typed_line(line, hint, Limits{}, spoken.params);
  if (!request) {
    spoken.refusal = shown(request.error());
  } else if (!request->params.present()) {
    spoken.params = "\x90";
  }
  return spoken;
}

std::string shown(PackedView result) {
  std::string text;
  encode_typed_result(result, text);
  return text;
}

std::string shown(const Error& error) {
  std::string text;
  encode_typed_error(error, text);
  return text;
}

std::unique_ptr<Speaker> speaker(Speech speech, const Catalogue& catalogue) {
  switch (speech) {
    case Speech::typed:
      return std::make_unique<TypedSpeaker>();
    case Speech::json:
      return std::make_unique<JsonSpeaker>(catalogue);
    case Speech::msgpack:
      return std::make_unique<MsgpackSpeaker>(catalogue);
  }
  return nullptr;
}

}  // namespace agora::test
