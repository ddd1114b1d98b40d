// SPDX-License-Identifier: MIT

// Values and shorthands for the tests of shared/wire.
#pragma once

#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <string_view>

#include "shared/base/limits.hpp"
#include "shared/value/msgpack_writer.hpp"
#include "shared/value/normalize.hpp"
#include "shared/wire/json_read.hpp"
#include "shared/wire/json_write.hpp"

namespace agora::test {

/// Returns the normal form of the JSON `text`; "error: Type" if it is refused.
inline std::string packed_of(std::string_view text) {
  Budget budget{Limits{}};
  std::string out;
  const auto done = json_to_packed(text, out, budget);
  return done ? out : "error: " + std::string(type_name(done.error().code));
}

inline std::string json_of(std::string_view packed) {
  std::string out;
  packed_to_json(PackedView{packed}, out);
  return out;
}

inline std::string json_of(PackedView value) {
  return value.present() ? json_of(value.bytes()) : "absent";
}

/// Returns `text` after a round trip through value and JSON.
inline std::string json_again(std::string_view text) {
  const std::string packed = packed_of(text);
  return packed.starts_with("error: ") ? packed : json_of(packed);
}

/// Returns `count` opening brackets, `inner`, and as many closing brackets.
inline std::string nested(std::size_t count, std::string_view inner = "") {
  return std::string(count, '[') + std::string(inner) + std::string(count, ']');
}

/// Random values, reproducible by their seed.
class ValueMaker {
 public:
  explicit ValueMaker(std::uint64_t seed) : random_(seed) {}

  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

  std::string text() {
    constexpr std::string_view kPieces[] = {
        "a",    "Z",      "\"",         "\\",     "/", "\n", "\x01",
        "\x7f", "\u00e9", "\U0001f600", "\u2028", "$", " ",  std::string_view("\0", 1)};
    std::string out;
    for (std::uint64_t n = below(12); n > 0; --n) out += kPieces[below(std::size(kPieces))];
    return out;
  }

  std::string bytes() {
    std::string out;
    for (std::uint64_t n = below(40); n > 0; --n) out.push_back(static_cast<char>(below(256)));
    return out;
  }

  /// Draws only kinds that JSON has without extensions.
  void plain(Writer& writer, int depth) {
    switch (below(depth > 0 ? 8 : 6)) {
      case 0:
        return writer.null();
      case 1:
        return writer.boolean(below(2) == 1);
      case 2:
        return writer.integer(static_cast<std::int64_t>(random_()) >> below(64));
      case 3:
        return writer.unsigned_integer(random_() >> below(64));
      case 4:
        return writer.real(finite());
      case 5:
        return writer.text(text());
      case 6: {
        const auto count = static_cast<std::uint32_t>(below(20));
        writer.list(count);
        for (std::uint32_t i = 0; i < count; ++i) plain(writer, depth - 1);
        return;
      }
      default: {
        const auto count = static_cast<std::uint32_t>(below(20));
        writer.map(count);
        for (std::uint32_t i = 0; i < count; ++i) {
          writer.text(text() + std::to_string(i));
          plain(writer, depth - 1);
        }
      }
    }
  }

  /// Draws every kind of value, in normal form.
  void any(Writer& writer, int depth) {
    switch (below(depth > 0 ? 8 : 5)) {
      case 0:
        return writer.bytes(bytes());
      case 1:
        return writer.reference(text());
      case 2:
        return writer.real(infinite());
      case 3:
        return opaque(writer);
      case 4:
        return plain(writer, 0);
      case 5: {
        const auto count = static_cast<std::uint32_t>(below(20));
        writer.list(count);
        for (std::uint32_t i = 0; i < count; ++i) any(writer, depth - 1);
        return;
      }
      case 6:
        return any_map(writer, depth);
      default:
        return word_map(writer, depth);
    }
  }

 private:
  double finite() {
    constexpr double kSpecial[] = {0.0, -0.0, 1.0, 1e300, 5e-324, 0.1, 1e22, 9007199254740993.0};
    if (below(2) == 0) return kSpecial[below(std::size(kSpecial))];
    return (static_cast<double>(random_()) - 9e18) / 1e9;
  }

  double infinite() {
    using Real = std::numeric_limits<double>;
    const double values[] = {Real::quiet_NaN(), Real::infinity(), -Real::infinity()};
    return values[below(3)];
  }

  void opaque(Writer& writer) {
    std::string payload;
    Writer inner(payload);
    inner.list(2);
    inner.bytes(bytes());
    const auto count = static_cast<std::uint32_t>(below(3));
    inner.list(count);
    for (std::uint32_t i = 0; i < count; ++i) inner.reference(text());
    writer.opaque(payload);
  }

  // Distinct keys of several kinds.
  void any_map(Writer& writer, int depth) {
    const auto count = static_cast<std::uint32_t>(below(20));
    const bool only_text = below(2) == 0;
    writer.map(count);
    for (std::uint32_t i = 0; i < count; ++i) {
      if (only_text || below(2) == 0) {
        writer.text(text() + std::to_string(i));
      } else {
        writer.list(2);
        writer.unsigned_integer(i);
        writer.bytes(bytes());
      }
      any(writer, depth - 1);
    }
  }

  // A map whose only key looks like a tag.
  void word_map(Writer& writer, int depth) {
    constexpr std::string_view kKeys[] = {"$bytes", "$ref", "$map", "$float", "$opaque", "$else"};
    writer.map(1);
    writer.text(kKeys[below(std::size(kKeys))]);
    any(writer, depth - 1);
  }

  std::mt19937_64 random_;
};

}  // namespace agora::test
