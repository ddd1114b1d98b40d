// SPDX-License-Identifier: MIT

#include "shared/wire/json_read.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "shared/value/msgpack_writer.hpp"
#include "shared/wire/error_data.hpp"
#include "shared/wire/extended_json.hpp"
#include "shared/wire/json_number.hpp"

namespace agora {
namespace {

constexpr int kNumberOverflow = 406;  // nlohmann's error id for "number outside float64"

// A word that other notations have and JSON lacks, with its form here. All in lower case.
struct ForeignWord {
  std::string_view word;
  std::string_view form;
};

constexpr ForeignWord kForeignWords[] = {
    {"nan", R"(NaN is written {"$float":"nan"})"},
    {"infinity", R"(infinity is written {"$float":"inf"})"},
    {"inf", R"(infinity is written {"$float":"inf"})"},
    {"none", "the absent value is written null"},
    {"undefined", "the absent value is written null"},
    {"nil", "the absent value is written null"},
    {"true", "true is written in lower case"},
    {"false", "false is written in lower case"},
    {"null", "null is written in lower case"},
};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_letter_or_digit(char c) { return is_letter(c) || (c >= '0' && c <= '9'); }

// Returns the word of `text` around offset `at`, in lower case; "" if there is none.
std::string word_around(std::string_view text, std::size_t at) {
  constexpr std::size_t kLongest = 16;
  std::size_t begin = std::min(at, text.size());
  while (begin > 0 && at - begin < kLongest && is_letter_or_digit(text[begin - 1])) --begin;
  std::string word;
  for (std::size_t i = begin; i < text.size() && word.size() < kLongest; ++i) {
    if (!is_letter_or_digit(text[i])) break;
    const char c = text[i];
    word += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return word;
}

// Returns how to write it instead, if the error at `position` (bytes, from 1) is a usual one.
std::string_view way_out(std::string_view text, std::size_t position) {
  if (position > text.size()) {
    return "a message is one line: write it without line breaks, and end it with one";
  }
  const std::size_t at = position - 1;
  const std::string word = word_around(text, at);
  const bool negative = at >= 1 && text[at - 1] == '-';
  for (const ForeignWord& foreign : kForeignWords) {
    if (word != foreign.word) continue;
    if (negative && word.starts_with("inf")) return R"(-infinity is written {"$float":"-inf"})";
    return foreign.form;
  }
  if (text[at] == '\'') return "text stands in double quotes";
  if (text[at] == '/' || text[at] == '#') return "there are no comments";
  if (text[at] == '}' || text[at] == ']') return "there is no comma before a closing bracket";
  return {};
}

Failure not_json(std::string_view text, std::string_view reason, std::size_t position) {
  Error error{Errc::parse_error, "not JSON: ", Done::no, {}};
  error.message.append(reason).append(" at byte ").append(std::to_string(position));
  if (const std::string_view form = way_out(text, position); !form.empty()) {
    error.message.append("; ").append(form);
  }
  error.details.push_back(number_detail("position", position));
  return fail(std::move(error));
}

// The tokens that nlohmann may expect, as its messages name them.
constexpr std::string_view kExpectedTokens[] = {"true literal",
                                                "false literal",
                                                "null literal",
                                                "string literal",
                                                "number literal",
                                                "'['",
                                                "'{'",
                                                "']'",
                                                "'}'",
                                                "':'",
                                                "','",
                                                "end of input",
                                                "'[', '{', or a literal"};

// nlohmann says "[...] parse error at line 1, column 5: syntax error while parsing value - invalid
// literal; last read: '<raw input>'; expected ...". The raw input may be anything, so it is cut
// out.
std::string reason_of(std::string_view what) {
  constexpr std::string_view kPrefix = "syntax error while ";
  constexpr std::string_view kRaw = "; last read: '";
  const std::size_t start = what.find(kPrefix);
  if (start == std::string_view::npos) return "syntax error";
  what.remove_prefix(start + kPrefix.size());
  const std::size_t raw = what.find(kRaw);
  if (raw == std::string_view::npos) return std::string(what);
  // The raw input may hold anything, so the end counts only if it is one of nlohmann's own.
  constexpr std::string_view kExpected = "'; expected ";
  const std::size_t expected = what.rfind(kExpected);
  std::string reason(what.substr(0, raw));
  if (expected == std::string_view::npos || expected < raw) return reason;
  const std::string_view end = what.substr(expected + kExpected.size());
  if (std::ranges::find(kExpectedTokens, end) == std::end(kExpectedTokens)) return reason;
  return reason.append("; expected ").append(end);
}

// The SAX handler: writes the loose form during the parse. The number of elements is known only at
// the end of a list or map, so headers have a fixed width and are patched there.
class LooseSink {
 public:
  LooseSink(std::string& out, std::size_t nesting_max, std::uint64_t events_max)
      : out_(out), writer_(out), nesting_max_(nesting_max), events_left_(events_max) {}

  bool null() {
    if (item()) writer_.null();
    return !too_many_;
  }
  bool boolean(bool value) {
    if (item()) writer_.boolean(value);
    return !too_many_;
  }
  bool number_integer(std::int64_t value) {
    if (item()) writer_.integer(value);
    return !too_many_;
  }
  bool number_unsigned(std::uint64_t value) {
    if (item()) writer_.unsigned_integer(value);
    return !too_many_;
  }
  bool number_float(double value, const std::string& token) {
    if (!item()) return !too_many_;
    const bool is_integer = token.find_first_not_of("-0123456789") == std::string::npos;
    if (is_integer) {
      mark(kMarkNumberRange);
    } else {
      writer_.real(value);
    }
    return true;
  }
  bool string(const std::string& value) {
    if (item()) writer_.text(value);
    return !too_many_;
  }
  bool binary(const nlohmann::json::binary_t&) { return false; }  // never called for JSON text
  bool start_object(std::size_t) { return open(true); }
  bool end_object() { return close(); }
  bool start_array(std::size_t) { return open(false); }
  bool end_array() { return close(); }

  bool key(const std::string& name) {
    if (!event()) return false;
    if (too_deep_ > 0) return true;
    ++open_.back().count;
    if (name.starts_with('$')) special_ = true;
    writer_.text(name);
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception& ex) {
    position_ = position;
    overflow_ = ex.id == kNumberOverflow;
    reason_ = reason_of(ex.what());
    return false;
  }

  // Closes all open lists and maps, so that the output is well-formed after the parser has stopped.
  void close_all() {
    too_deep_ = 0;
    while (!open_.empty()) close();
  }

  bool special() const { return special_; }
  bool too_many() const { return too_many_; }
  bool overflow() const { return overflow_; }
  std::size_t position() const { return position_; }
  const std::string& reason() const { return reason_; }

 private:
  struct Frame {
    std::size_t header;
    std::uint32_t count;
    bool is_map;
  };

  bool event() {
    too_many_ = events_left_ == 0;
    if (!too_many_) --events_left_;
    return !too_many_;
  }

  // Counts a value; returns false if it must be dropped, as too deep or over the limit of elements.
  bool item() {
    const bool counts = event();
    if (too_deep_ > 0) return false;
    if (!open_.empty() && !open_.back().is_map) ++open_.back().count;
    if (!counts) writer_.null();  // in place of the value, whose key may have been written already
    return counts;
  }

  void mark(LooseMark mark) {
    special_ = true;
    writer_.extension(mark, {});
  }

  bool open(bool is_map) {
    if (!item()) {
      ++too_deep_;
      return !too_many_;
    }
    if (open_.size() >= nesting_max_) {
      mark(kMarkTooDeep);
      too_deep_ = 1;
    } else {
      open_.push_back({out_.size(), 0, is_map});
      out_.append(5, is_map ? '\xdf' : '\xdd');
    }
    return true;
  }

  bool close() {
    if (too_deep_ > 0) {
      --too_deep_;
      return true;
    }
    std::uint32_t count = open_.back().count;
    for (std::size_t i = 4; i > 0; --i, count >>= 8) {
      out_[open_.back().header + i] = static_cast<char>(count & 0xff);
    }
    open_.pop_back();
    return true;
  }

  std::string& out_;
  Writer writer_;
  std::size_t nesting_max_;
  std::uint64_t events_left_;
  std::vector<Frame> open_;
  bool too_many_ = false;
  std::size_t too_deep_ = 0;  // open lists and maps inside a kMarkTooDeep
  bool special_ = false;
  bool overflow_ = false;
  std::size_t position_ = 0;
  std::string reason_;
};

}  // namespace

Expected<void> JsonReader::parse_once(std::string_view text, bool& overflow) {
  loose_.clear();
  LooseSink sink(loose_, nesting_max_, events_max_);
  const bool good = nlohmann::json::sax_parse(text.data(), text.data() + text.size(), &sink);
  special_ = sink.special();
  overflow = sink.overflow();
  if (good) return {};
  sink.close_all();
  if (sink.too_many()) {
    return fail(too_large("elements_max", "the message has far too many elements"));
  }
  return not_json(text, sink.reason(), sink.position());
}

Expected<void> JsonReader::parse(std::string_view text) {
  // The lexer would skip a byte order mark, and would take a NUL for the end of the text.
  if (text.starts_with("\xef")) return not_json(text, "byte order mark or other non-JSON byte", 1);
  const std::size_t nul = text.find('\0');
  if (nul != std::string_view::npos) return not_json(text, "a NUL byte", nul + 1);
  bool overflow = false;
  Expected<void> done = parse_once(text, overflow);
  if (!overflow) return done;
  // clamp_overflows() leaves text such as 1e400.5, which is not a number. An overflow in it, which
  // the lexer finds first, is then reported as a syntax error.
  return parse_once(clamp_overflows(text, events_max_ + 1), overflow);
}

Expected<void> JsonReader::to_packed(std::string_view part, bool names_on_top, std::string& out,
                                     Budget& budget) {
  if (special_) {
    decoded_.clear();
    auto decoded = decode_extended_json(part, names_on_top, decoded_);
    if (!decoded) return decoded;
    part = decoded_;
  }
  auto taken = normalize(part, out, budget);
  if (!taken) return taken.failure();
  return {};
}

Expected<void> json_to_packed(std::string_view text, std::string& out, Budget& budget) {
  JsonReader reader(budget);
  if (auto parsed = reader.parse(text); !parsed) return parsed;
  return reader.to_packed(reader.loose(), false, out, budget);
}

}  // namespace agora
