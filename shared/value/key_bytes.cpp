// SPDX-License-Identifier: MIT

#include "shared/value/key_bytes.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "shared/value/msgpack_reader.hpp"
#include "shared/value/msgpack_writer.hpp"

namespace agora {
namespace {

constexpr double kTwoTo63 = 9223372036854775808.0;
constexpr double kTwoTo64 = 18446744073709551616.0;

bool is_integral(double value) {
  return value >= -kTwoTo63 && value < kTwoTo64 && std::trunc(value) == value;
}

bool is_own_key(double value) {
  if (std::isnan(value)) {
    return std::bit_cast<std::uint64_t>(value) ==
           std::bit_cast<std::uint64_t>(std::numeric_limits<double>::quiet_NaN());
  }
  return !is_integral(value);
}

void write_real_key(Writer& writer, double value) {
  if (std::isnan(value)) {
    writer.real(std::numeric_limits<double>::quiet_NaN());
  } else if (!is_integral(value)) {
    writer.real(value);
  } else if (value < 0) {
    writer.integer(static_cast<std::int64_t>(value));
  } else {
    writer.unsigned_integer(static_cast<std::uint64_t>(value));
  }
}

bool may_differ_from_key(Kind kind) {
  return kind == Kind::real || kind == Kind::list || kind == Kind::map;
}

// One pass over the tokens. A map of one pair is sorted already.
bool is_own_key(PackedView value) {
  if (!may_differ_from_key(value.kind())) return true;
  Reader reader(value);
  Token token;
  while (!reader.at_end() && reader.next(token) == Reader::Status::ok) {
    if (token.kind == Kind::real && !is_own_key(token.real)) return false;
    if (token.kind == Kind::map && token.count > 1) return false;
  }
  return true;
}

void append_key(PackedView value, std::string& out);

void append_list_key(Reader& elements, std::uint32_t count, std::string& out) {
  Writer(out).list(count);
  for (std::uint32_t i = 0; i < count; ++i) append_key(elements.value(), out);
}

void append_map_key(Reader& elements, std::uint32_t count, std::string& out) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (std::uint32_t i = 0; i < count; ++i) {
    auto& [key, mapped] = pairs.emplace_back();
    append_key(elements.value(), key);
    append_key(elements.value(), mapped);
  }
  std::sort(pairs.begin(), pairs.end());
  Writer(out).map(count);
  for (const auto& [key, mapped] : pairs) out.append(key).append(mapped);
}

// Recursion is bounded: stored values are at most `Limits::depth_max` deep.
void append_key(PackedView value, std::string& out) {
  if (!may_differ_from_key(value.kind())) {
    out.append(value.bytes());
    return;
  }
  Reader reader(value);
  Token token;
  if (reader.next(token) != Reader::Status::ok) return;
  if (token.kind == Kind::real) {
    Writer writer(out);
    write_real_key(writer, token.real);
  } else if (token.kind == Kind::list) {
    append_list_key(reader, token.count, out);
  } else {
    append_map_key(reader, token.count, out);
  }
}

bool is_unhashable(Kind kind) { return kind == Kind::map || kind == Kind::opaque; }

Failure unhashable(Kind kind, bool inside_a_list) {
  const char* article = kind == Kind::opaque ? "an " : "a ";
  return fail(Errc::type_error, (inside_a_list ? "a list that contains " : "") +
                                    std::string(article) + std::string(to_string(kind)) +
                                    " cannot be a key or member of a set");
}

}  // namespace

std::string_view key_bytes(PackedView value, std::string& scratch) {
  if (is_own_key(value)) return value.bytes();
  scratch.clear();
  append_key(value, scratch);
  return scratch;
}

Expected<std::string_view> hashable_key(PackedView value, std::string& scratch) {
  const Kind kind = value.kind();
  if (is_unhashable(kind)) return unhashable(kind, false);
  if (kind == Kind::list) {
    Reader reader(value);
    Token token;
    while (!reader.at_end() && reader.next(token) == Reader::Status::ok) {
      if (is_unhashable(token.kind)) return unhashable(token.kind, true);
    }
  }
  return key_bytes(value, scratch);
}

bool equal(PackedView a, PackedView b) {
  if (a == b) return true;
  std::string scratch_a;
  std::string scratch_b;
  return key_bytes(a, scratch_a) == key_bytes(b, scratch_b);
}

}  // namespace agora
