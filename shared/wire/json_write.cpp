// SPDX-License-Identifier: MIT

#include "shared/wire/json_write.hpp"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <vector>

#include "shared/value/msgpack_reader.hpp"
#include "shared/wire/base64.hpp"
#include "shared/wire/extended_json.hpp"
#include "shared/wire/json_escape.hpp"

namespace agora {
namespace {

// One bit for each map of a value, in the order of their headers: whether it can be a JSON object.
// Computed in a first pass, since the last key of a map may decide how its text must begin.
class PlainMaps {
 public:
  explicit PlainMaps(PackedView value) {
    Reader reader(value);
    Token token;
    do {
      if (reader.next(token) != Reader::Status::ok) return;
      visit(token);
      while (!open_.empty() && open_.back().left == 0) open_.pop_back();
    } while (!open_.empty());
  }

  bool take_next() { return next_ < plain_.size() && plain_[next_++]; }

 private:
  struct Frame {
    std::uint64_t left;
    std::size_t map;  // its index in plain_, or kList
    bool single;
  };
  static constexpr std::size_t kList = static_cast<std::size_t>(-1);

  void visit(const Token& token) {
    if (!open_.empty()) {
      Frame& parent = open_.back();
      const bool is_key = parent.map != kList && parent.left % 2 == 0;
      --parent.left;
      if (is_key && !fits(token, parent.single)) plain_[parent.map] = false;
    }
    if (token.kind == Kind::map) {
      plain_.push_back(true);
      open_.push_back({std::uint64_t{token.count} * 2, plain_.size() - 1, token.count == 1});
    } else if (token.kind == Kind::list) {
      open_.push_back({token.count, kList, false});
    }
  }

  static bool fits(const Token& key, bool single) {
    return key.kind == Kind::text && !(single && json_tag_of(key.body) != JsonTag::none);
  }

  std::vector<bool> plain_;
  std::size_t next_ = 0;
  std::vector<Frame> open_;
};

// `format` is a base for integers, a chars_format for floats.
template <typename Number, typename Format>
void append_number(Number number, Format format, std::string& out) {
  char digits[32];
  const auto result = std::to_chars(digits, digits + sizeof digits, number, format);
  out.append(digits, result.ptr);
}

void append_real(double value, std::string& out) {
  if (std::isnan(value)) {
    out.append(R"({"$float":"nan"})");
    return;
  }
  if (std::isinf(value)) {
    out.append(value < 0 ? R"({"$float":"-inf"})" : R"({"$float":"inf"})");
    return;
  }
  // Fixed notation up to 16 digits: 100000.0 is easier to read than 1e+05.
  const double size = std::abs(value);
  const bool fixed = size == 0 || (size >= 1e-5 && size < 1e16);
  const std::size_t start = out.size();
  append_number(value, fixed ? std::chars_format::fixed : std::chars_format::scientific, out);
  if (out.find_first_of(".e", start) == std::string::npos) out.append(".0");
}

void append_base64(std::string_view raw, std::string& out) {
  out.push_back('"');
  base64_encode(raw, out);
  out.push_back('"');
}

void append_reference(std::string_view name, std::string& out) {
  out.append(R"({"$ref":)");
  text_to_json(name, out);
  out.push_back('}');
}

void append_opaque(std::string_view payload, std::string& out) {
  Reader reader(payload);
  Token list;
  Token bytes;
  Token names;
  reader.next(list);
  reader.next(bytes);
  reader.next(names);
  out.append(R"({"$opaque":[)");
  append_base64(bytes.body, out);
  out.append(",[");
  for (std::uint32_t i = 0; i < names.count; ++i) {
    Token name;
    reader.next(name);
    if (i > 0) out.push_back(',');
    append_reference(name.body, out);
  }
  out.append("]]}");
}

class JsonWriter {
 public:
  JsonWriter(PackedView value, std::string& out) : reader_(value), maps_(value), out_(out) {}

  void run() {
    do {
      if (!open_.empty()) separate();
      value();
      while (!open_.empty() && open_.back().left == 0) close();
    } while (!open_.empty());
  }

 private:
  enum class Form : std::uint8_t { list, object, pairs };
  struct Frame {
    std::uint64_t left;  // values still to come, keys counted
    Form form;
    bool first;
  };

  // Writes the separator before the next value of the innermost list or map.
  void separate() {
    Frame& frame = open_.back();
    const bool second = frame.form != Form::list && frame.left % 2 == 1;
    --frame.left;
    if (second) {
      out_.push_back(frame.form == Form::object ? ':' : ',');
      return;
    }
    if (!frame.first) out_.append(frame.form == Form::pairs ? "]," : ",");
    if (frame.form == Form::pairs) out_.push_back('[');
    frame.first = false;
  }

  void close() {
    const Frame frame = open_.back();
    open_.pop_back();
    switch (frame.form) {
      case Form::list:
        out_.push_back(']');
        break;
      case Form::object:
        out_.push_back('}');
        break;
      case Form::pairs:
        out_.append(frame.first ? "]}" : "]]}");
        break;
    }
  }

  void value() {
    Token token;
    if (reader_.next(token) != Reader::Status::ok || token.unknown_extension) token = Token{};
    switch (token.kind) {
      case Kind::null:
        out_.append("null");
        break;
      case Kind::boolean:
        out_.append(token.boolean ? "true" : "false");
        break;
      case Kind::integer:
        integer(token);
        break;
      case Kind::real:
        append_real(token.real, out_);
        break;
      case Kind::text:
        text_to_json(token.body, out_);
        break;
      case Kind::bytes:
        out_.append(R"({"$bytes":)");
        append_base64(token.body, out_);
        out_.push_back('}');
        break;
      case Kind::list:
        out_.push_back('[');
        open_.push_back({token.count, Form::list, true});
        break;
      case Kind::map:
        map(token);
        break;
      case Kind::reference:
        append_reference(token.body, out_);
        break;
      case Kind::opaque:
        append_opaque(token.body, out_);
        break;
    }
  }

  void integer(const Token& token) {
    if (token.negative) {
      append_number(token.integer, 10, out_);
    } else {
      append_number(token.natural, 10, out_);
    }
  }

  void map(const Token& token) {
    const bool plain = maps_.take_next();
    out_.append(plain ? "{" : R"({"$map":[)");
    open_.push_back({std::uint64_t{token.count} * 2, plain ? Form::object : Form::pairs, true});
  }

  Reader reader_;
  PlainMaps maps_;
  std::string& out_;
  std::vector<Frame> open_;
};

void append_escaped(char c, std::string& out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (c) {
    case '"':
      out.append("\\\"");
      break;
    case '\\':
      out.append("\\\\");
      break;
    case '\b':
      out.append("\\b");
      break;
    case '\f':
      out.append("\\f");
      break;
    case '\n':
      out.append("\\n");
      break;
    case '\r':
      out.append("\\r");
      break;
    case '\t':
      out.append("\\t");
      break;
    default:
      out.append("\\u00");
      out.push_back(kHex[static_cast<unsigned char>(c) >> 4]);
      out.push_back(kHex[static_cast<unsigned char>(c) & 15]);
  }
}

}  // namespace

void text_to_json(std::string_view utf8, std::string& out) {
  out.push_back('"');
  for (;;) {
    const std::size_t plain = unescaped_prefix(utf8, false);
    out.append(utf8, 0, plain);
    if (plain == utf8.size()) break;
    append_escaped(utf8[plain], out);
    utf8.remove_prefix(plain + 1);
  }
  out.push_back('"');
}

void packed_to_json(PackedView value, std::string& out) { JsonWriter(value, out).run(); }

}  // namespace agora
