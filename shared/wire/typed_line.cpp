// SPDX-License-Identifier: MIT

#include "shared/wire/typed_line.hpp"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "shared/value/msgpack_writer.hpp"
#include "shared/value/normalize.hpp"
#include "shared/value/utf8.hpp"
#include "shared/wire/error_data.hpp"
#include "shared/wire/json_read.hpp"
#include "shared/wire/json_write.hpp"

namespace agora {
namespace {

constexpr std::string_view kBlanks = " \t";
constexpr std::string_view kGuard = "guard";
constexpr std::string_view kOptions = "options";

// `at` counts from 0, positions in messages count from 1.
Failure bad_line(std::string message, std::size_t at) {
  message.append(" at byte ").append(std::to_string(at + 1));
  return fail(Error{
      Errc::invalid_params, std::move(message), Done::no, {number_detail("position", at + 1)}});
}

bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_literal(std::string_view argument) {
  return argument == "null" || argument == "true" || argument == "false" ||
         is_json_number(argument);
}

// Returns the end of the JSON string, list or map that begins at `at`; npos if it does not end.
std::size_t literal_end(std::string_view line, std::size_t at) {
  std::size_t open = 0;
  bool quoted = false;
  for (; at < line.size(); ++at) {
    const char c = line[at];
    if (quoted) {
      if (c == '\\') ++at;
      quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      ++open;
    } else if (c == ']' || c == '}') {
      --open;
    }
    if (!quoted && open == 0) return at + 1;
  }
  return std::string_view::npos;
}

// Returns the offset of the first byte that belongs to no character in UTF-8; npos if all do.
std::size_t find_invalid_utf8(std::string_view text) {
  if (is_utf8(text)) return std::string_view::npos;
  for (std::size_t at = 0; at < text.size();) {
    const auto first = static_cast<unsigned char>(text[at]);
    const std::size_t bytes = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (!is_utf8(text.substr(at, bytes))) return at;
    at += bytes;
  }
  return std::string_view::npos;
}

// The line cannot be quoted: its bytes would reach the terminal as they are.
Failure not_utf8(std::string_view line, std::size_t at) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(line[at]);
  std::string message = "the line is not valid UTF-8: 0x";
  message.append({kDigits[byte >> 4], kDigits[byte & 0xfU]});
  message.append(" at byte ").append(std::to_string(at + 1));
  return fail(
      Error{Errc::value_error, std::move(message), Done::no, {number_detail("position", at + 1)}});
}

class LineReader {
 public:
  LineReader(std::string_view line, std::size_t start, const MethodHint& method,
             const Limits& limits)
      : line_(line), at_(start), method_(method), limits_(limits), budget_(limits) {}

  Expected<void> read() {
    for (skip_blanks(); at_ < line_.size(); skip_blanks()) {
      if (auto done = argument(); !done) return done;
    }
    return {};
  }

  Expected<void> write(std::string& out) const {
    if (named_.empty() && free_count_ == 0) {
      Writer(out).list(static_cast<std::uint32_t>(positional_.size()));
      for (const Value& value : positional_) out.append(bytes(value));
      return {};
    }
    return write_map(out);
  }

 private:
  struct Value {  // a slice of values_
    std::size_t begin;
    std::size_t size;
  };
  struct Named {
    std::string_view name;
    Value value;
  };

  std::string_view bytes(const Value& value) const {
    return std::string_view(values_).substr(value.begin, value.size);
  }

  void skip_blanks() { at_ = std::min(line_.find_first_not_of(kBlanks, at_), line_.size()); }

  const ParameterHint* find(std::string_view name) const {
    const auto hint = std::ranges::find(method_.parameters, name, &ParameterHint::name);
    return hint == method_.parameters.end() ? nullptr : &*hint;
  }

  // Returns the x of an argument `x=y` at the current position; empty for any other argument.
  std::string_view name_before_equals() const {
    std::size_t end = at_;
    while (end < line_.size() && is_name_byte(line_[end])) ++end;
    if (end == line_.size() || line_[end] != '=') return {};
    return line_.substr(at_, end - at_);
  }

  Expected<void> argument() {
    const std::size_t start = at_;
    const std::string_view name = name_before_equals();
    const ParameterHint* const hint = find(name);
    if (!name.empty() && (hint != nullptr || name == kGuard)) {
      at_ += name.size() + 1;
      return named(name, hint != nullptr && hint->text, start);
    }
    if (!name.empty() && method_.free_options) {
      at_ += name.size() + 1;
      Writer(free_).text(name);
      ++free_count_;
      return value(false, free_);
    }
    return by_position();
  }

  Expected<void> named(std::string_view name, bool text, std::size_t start) {
    if (is_given(name)) return twice(name, start);
    const std::size_t begin = values_.size();
    auto done = value(text, values_);
    named_.push_back({name, {begin, values_.size() - begin}});
    return done;
  }

  bool is_given(std::string_view name) const {
    const auto given = std::min(positional_.size(), method_.parameters.size());
    const auto positional = method_.parameters.first(given);
    return std::ranges::find(positional, name, &ParameterHint::name) != positional.end() ||
           std::ranges::find(named_, name, &Named::name) != named_.end();
  }

  static Failure twice(std::string_view name, std::size_t start) {
    return bad_line("the parameter " + std::string(name) + " is given twice", start);
  }

  Expected<void> by_position() {
    const std::size_t index = positional_.size();
    const bool known = index < method_.parameters.size();
    if (known && is_given(method_.parameters[index].name)) {
      return twice(method_.parameters[index].name, at_);
    }
    const std::size_t begin = values_.size();
    auto done = value(known && method_.parameters[index].text, values_);
    positional_.push_back({begin, values_.size() - begin});
    return done;
  }

  // Reads the argument at the current position and appends its value to `to`.
  Expected<void> value(bool text, std::string& to) {
    const char first = at_ < line_.size() ? line_[at_] : ' ';
    if (first == '"' || (!text && (first == '[' || first == '{'))) return literal(to);
    const std::size_t end = std::min(line_.find_first_of(kBlanks, at_), line_.size());
    const std::string_view argument = line_.substr(at_, end - at_);
    at_ = end;
    if (!text && is_literal(argument)) return json_to_packed(argument, to, budget_);
    if (budget_.elements == 0) {
      return fail(too_large("elements_max", "the line has more words than the limit allows"));
    }
    --budget_.elements;
    Writer(to).text(argument);
    return {};
  }

  Expected<void> literal(std::string& to) {
    const std::size_t start = at_;
    const std::size_t end = literal_end(line_, start);
    if (end > line_.size()) {
      return bad_line(line_[start] == '"' ? "the quote does not end that begins"
                                          : "the bracket does not close that opens",
                      start);
    }
    if (end < line_.size() && kBlanks.find(line_[end]) == std::string_view::npos) {
      return bad_line("expected a blank", end);
    }
    at_ = end;
    auto done = json_to_packed(line_.substr(start, end - start), to, budget_);
    if (done || done.error().code != Errc::parse_error) return done;
    const std::size_t position = start + 1;
    return fail(
        Error{Errc::invalid_params,
              "the word at byte " + std::to_string(position) + " is " + done.error().message,
              Done::no,
              {number_detail("position", position)}});
  }

  Expected<void> write_map(std::string& out) const {
    if (positional_.size() > method_.parameters.size()) {
      return fail(Errc::invalid_params,
                  "expected at most " + std::to_string(method_.parameters.size()) +
                      " parameters, found " + std::to_string(positional_.size()));
    }
    if (free_count_ > 0 && is_given(kOptions)) {
      return fail(Errc::invalid_params, "the parameter options is given twice");
    }
    Writer writer(out);
    writer.map(static_cast<std::uint32_t>(positional_.size() + named_.size()) +
               (free_count_ > 0 ? 1U : 0U));
    for (std::size_t i = 0; i < positional_.size(); ++i) {
      writer.text(method_.parameters[i].name);
      out.append(bytes(positional_[i]));
    }
    for (const Named& entry : named_) {
      writer.text(entry.name);
      out.append(bytes(entry.value));
    }
    if (free_count_ == 0) return {};
    writer.text(kOptions);
    return write_options(out);
  }

  // normalize() also refuses an option that is given twice.
  Expected<void> write_options(std::string& out) const {
    std::string map;
    Writer(map).map(free_count_);
    map.append(free_);
    Budget budget(limits_);
    auto done = normalize(map, out, budget);
    if (!done) return done.failure();
    return {};
  }

  std::string_view line_;
  std::size_t at_;
  const MethodHint& method_;
  const Limits& limits_;
  Budget budget_;
  std::string values_;
  std::vector<Value> positional_;
  std::vector<Named> named_;
  std::string free_;  // the free options: names and values alternate
  std::uint32_t free_count_ = 0;
};

// Returns the start and end offsets of the method in a line.
std::pair<std::size_t, std::size_t> method_range(std::string_view line) {
  const std::size_t begin = std::min(line.find_first_not_of(kBlanks), line.size());
  if (line.substr(begin).starts_with('?')) return {begin, begin + 1};
  return {begin, std::min(line.find_first_of(kBlanks, begin), line.size())};
}

}  // namespace

std::string_view typed_method(std::string_view line) {
  const auto [begin, end] = method_range(line);
  const std::string_view method = line.substr(begin, end - begin);
  return method == "?" ? std::string_view{"help"} : method;
}

Expected<Request> decode_typed_line(std::string_view line, const MethodHint& method,
                                    const Limits& limits, std::string& out) {
  out.clear();
  if (const std::size_t at = find_invalid_utf8(line); at < line.size()) return not_utf8(line, at);
  LineReader reader(line, method_range(line).second, method, limits);
  if (auto done = reader.read(); !done) return done.failure();
  if (auto done = reader.write(out); !done) return done.failure();
  Request request;
  request.method = typed_method(line);
  request.params = PackedView{out};
  return request;
}

void encode_typed_error(const Error& error, std::string& out) {
  out.append(type_name(error.code)).append(": ");
  // The message may quote client input. A terminal must get one line without control characters,
  // not even U+0080 to U+009F, two bytes from 0xc2 on.
  const std::string_view message = error.message;
  const bool valid = is_utf8(message);
  for (std::size_t i = 0; i < message.size(); ++i) {
    const auto byte = static_cast<unsigned char>(message[i]);
    const bool is_c1 = byte == 0xc2 && valid && static_cast<unsigned char>(message[i + 1]) < 0xa0;
    if (byte < 0x20 || byte == 0x7f || is_c1) {
      out += ' ';
    } else {
      out += byte < 0x80 || valid ? message[i] : '?';
    }
    if (is_c1) ++i;
  }
}

void encode_typed_result(PackedView result, std::string& out) { packed_to_json(result, out); }

}  // namespace agora
