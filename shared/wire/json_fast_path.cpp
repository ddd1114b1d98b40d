// SPDX-License-Identifier: MIT

#include "shared/wire/json_fast_path.hpp"

#include "shared/value/msgpack_writer.hpp"
#include "shared/wire/json_escape.hpp"

namespace agora {
namespace {

/// A cursor over the line; each step returns false if it does not match.
class Scanner {
 public:
  explicit Scanner(std::string_view line) : at_(line.data()), end_(at_ + line.size()) {}

  void skip_blanks() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\t')) ++at_;
  }
  /// Skips that character, with the blanks around it.
  bool take(char c) {
    skip_blanks();
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    skip_blanks();
    return true;
  }
  char next() const { return at_ == end_ ? '\0' : *at_; }
  bool at_end() const { return at_ == end_; }

  bool text(std::string_view& body) {
    if (next() != '"') return false;
    const char* const begin = ++at_;
    at_ += unescaped_prefix({begin, static_cast<std::size_t>(end_ - begin)}, true);
    if (next() != '"') return false;
    body = {begin, static_cast<std::size_t>(at_ - begin)};
    ++at_;
    return true;
  }
  /// Reads up to 18 digits without leading zeros, not followed by a fraction or exponent.
  bool natural(std::uint64_t& value) {
    const char* const begin = at_;
    value = 0;
    for (; next() >= '0' && next() <= '9'; ++at_) {
      value = value * 10 + static_cast<std::uint64_t>(*at_ - '0');
      if (at_ - begin == 18) return false;
    }
    if (at_ == begin || (*begin == '0' && at_ - begin > 1)) return false;
    return next() != '.' && next() != 'e' && next() != 'E';
  }
  bool literal(std::string_view expected) {
    if (static_cast<std::size_t>(end_ - at_) < expected.size()) return false;
    if (std::string_view{at_, expected.size()} != expected) return false;
    at_ += expected.size();
    return true;
  }

 private:
  const char* at_;
  const char* end_;
};

bool integer(Scanner& scanner, Writer& out) {
  const bool negative = scanner.next() == '-' && scanner.literal("-");
  std::uint64_t value = 0;
  if (!scanner.natural(value) || (negative && value == 0)) return false;
  const auto size = static_cast<std::int64_t>(value);
  out.integer(negative ? -size : size);
  return true;
}

bool scalar(Scanner& scanner, Writer& out) {
  switch (scanner.next()) {
    case '"': {
      std::string_view body;
      if (!scanner.text(body)) return false;
      out.text(body);
      return true;
    }
    case 'n':
      out.null();
      return scanner.literal("null");
    case 't':
      out.boolean(true);
      return scanner.literal("true");
    case 'f':
      out.boolean(false);
      return scanner.literal("false");
    default:
      return integer(scanner, out);
  }
}

bool params(Scanner& scanner, JsonSimpleCall& call, std::string& scratch) {
  if (!scanner.take('[')) return false;
  Writer out{scratch};
  std::array<std::size_t, 7> ends{};
  call.count = 0;
  if (!scanner.take(']')) {
    do {
      if (call.count == call.values.size() || !scalar(scanner, out)) return false;
      ends[++call.count] = scratch.size();
    } while (scanner.take(','));
    if (!scanner.take(']')) return false;
  }
  const std::string_view all = scratch;
  for (std::size_t i = 0; i < call.count; ++i) {
    call.values[i] = PackedView{all.substr(ends[i], ends[i + 1] - ends[i])};
  }
  return true;
}

enum Member : unsigned { kVersion = 1, kId = 2, kMethod = 4, kParams = 8 };

/// Reads the value of a member and returns its bit; 0 for an unknown member or a value that the
/// fast path declines.
unsigned member(Scanner& scanner, std::string_view name, JsonSimpleCall& call,
                std::string& scratch) {
  std::string_view version;
  if (name == "method") return scanner.text(call.method) ? kMethod : 0U;
  if (name == "params") return params(scanner, call, scratch) ? kParams : 0U;
  if (name == "id") return scanner.natural(call.id) ? kId : 0U;
  if (name == "jsonrpc") return scanner.text(version) && version == "2.0" ? kVersion : 0U;
  return 0;
}

}  // namespace

bool read_json_simple_call(std::string_view line, JsonSimpleCall& call, std::string& scratch) {
  scratch.clear();
  Scanner scanner{line};
  if (!scanner.take('{')) return false;
  unsigned seen = 0;
  do {
    std::string_view name;
    if (!scanner.text(name) || !scanner.take(':')) return false;
    const unsigned found = member(scanner, name, call, scratch);
    if (found == 0 || (seen & found) != 0) return false;
    seen |= found;
  } while (scanner.take(','));
  constexpr unsigned kNeeded = kId | kMethod | kParams;
  return scanner.take('}') && scanner.at_end() && (seen & kNeeded) == kNeeded;
}

}  // namespace agora
