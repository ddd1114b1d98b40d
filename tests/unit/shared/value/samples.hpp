// Values for the tests of the value floor: by hand as bytes, and random ones.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <rapidcheck.h>

#include "shared/base/limits.hpp"
#include "shared/value/codec.hpp"
#include "shared/value/key_bytes.hpp"
#include "shared/value/normalize.hpp"

namespace agora::test {

inline std::string bytes_of(std::initializer_list<unsigned> list) {
  std::string bytes;
  for (const unsigned byte : list) bytes.push_back(static_cast<char>(byte));
  return bytes;
}

/// What `write` writes.
template <typename Write>
std::string written(Write write) {
  std::string bytes;
  Writer writer(bytes);
  write(writer);
  return bytes;
}

/// The whole of `bytes` in normal form, with the usual limits.
inline Expected<std::string> normal(std::string_view bytes) {
  std::string out;
  Budget budget{Limits{}};
  auto taken = normalize(bytes, out, budget);
  if (!taken) return taken.failure();
  if (*taken != bytes.size()) return fail(Errc::internal_error, "bytes are left over");
  return out;
}

/// The error of `result`'s normalisation, or "ok".
inline std::string outcome(std::string_view bytes, Limits limits = {}) {
  std::string out = "before";
  Budget budget{limits};
  auto taken = normalize(bytes, out, budget);
  if (taken) return "ok";
  if (out != "before") return "output changed";
  return std::string(type_name(taken.error().code));
}

inline std::string key_of(PackedView value) {
  std::string scratch;
  return std::string(key_bytes(value, scratch));
}

inline std::string key_of(const std::string& bytes) { return key_of(PackedView(bytes)); }

/// Doubles with many that are whole, special or next to the limits of the integers.
inline double random_real() {
  return *rc::gen::oneOf(
      rc::gen::arbitrary<double>(),
      rc::gen::map(rc::gen::arbitrary<std::int16_t>(),
                   [](std::int16_t number) { return static_cast<double>(number) / 2; }),
      rc::gen::element(0.0, -0.0, 1.0, std::numeric_limits<double>::quiet_NaN(),
                       -std::numeric_limits<double>::infinity(),
                       std::numeric_limits<double>::infinity(), 9223372036854775808.0,
                       -9223372036854775808.0, 18446744073709551616.0, 9007199254740993.0, 5e-324));
}

inline std::string random_text() {
  std::string text;
  for (const auto& piece : *rc::gen::container<std::vector<std::string>>(rc::gen::element(
           std::string("a"), std::string("b"), std::string("\xc3\xa4"), std::string("\xe2\x82\xac"),
           std::string("\xf0\x9f\x98\x80"), std::string(1, '\0')))) {
    text += piece;
  }
  return text;
}

inline std::string random_bytes() { return *rc::gen::arbitrary<std::string>(); }

inline std::int64_t random_integer() {
  return *rc::gen::oneOf(rc::gen::arbitrary<std::int64_t>(), rc::gen::inRange<std::int64_t>(-2, 3),
                         rc::gen::cast<std::int64_t>(rc::gen::arbitrary<std::int16_t>()));
}

inline void write_hashable(Writer& writer, int depth);

inline void write_list_of_hashables(Writer& writer, int depth) {
  const auto count = *rc::gen::inRange<std::uint32_t>(0, 4);
  writer.list(count);
  for (std::uint32_t i = 0; i < count; ++i) write_hashable(writer, depth - 1);
}

/// A random value that may be the key of a map, as deep as `depth` at most.
inline void write_hashable(Writer& writer, int depth) {
  switch (*rc::gen::inRange(0, depth > 0 ? 9 : 8)) {
    case 0:
      return writer.null();
    case 1:
      return writer.boolean(*rc::gen::arbitrary<bool>());
    case 2:
      return writer.integer(random_integer());
    case 3:
      return writer.unsigned_integer(*rc::gen::arbitrary<std::uint64_t>());
    case 4:
      return writer.real(random_real());
    case 5:
      return writer.text(random_text());
    case 6:
      return writer.bytes(random_bytes());
    case 7:
      return writer.reference(random_text());
    default:
      return write_list_of_hashables(writer, depth);
  }
}

inline std::string random_opaque_payload() {
  return written([](Writer& writer) {
    const auto count = *rc::gen::inRange<std::uint32_t>(0, 3);
    writer.list(2);
    writer.bytes(random_bytes());
    writer.list(count);
    for (std::uint32_t i = 0; i < count; ++i) writer.reference(random_text());
  });
}

inline void write_value(Writer& writer, int depth);

/// The pairs of a random map, each packed, with keys that differ as keys.
inline std::vector<std::pair<std::string, std::string>> random_pairs(int depth) {
  std::vector<std::pair<std::string, std::string>> pairs;
  std::set<std::string> keys;
  const int count = *rc::gen::inRange(0, 12);
  for (int i = 0; i < count; ++i) {
    const auto key = written([](Writer& writer) { write_hashable(writer, 1); });
    if (!keys.insert(key_of(key)).second) continue;
    pairs.emplace_back(key, written([&](Writer& writer) { write_value(writer, depth - 1); }));
  }
  return pairs;
}

inline std::string packed_map(const std::vector<std::pair<std::string, std::string>>& pairs) {
  return written([&](Writer& writer) {
    writer.map(static_cast<std::uint32_t>(pairs.size()));
    for (const auto& [key, mapped] : pairs) {
      writer.packed(PackedView(key));
      writer.packed(PackedView(mapped));
    }
  });
}

/// A random value of any kind, as deep as `depth` at most.
inline void write_value(Writer& writer, int depth) {
  switch (*rc::gen::inRange(0, depth > 0 ? 6 : 4)) {
    case 4: {
      const auto count = *rc::gen::inRange<std::uint32_t>(0, 20);
      writer.list(count);
      for (std::uint32_t i = 0; i < count; ++i) write_value(writer, depth - 1);
      return;
    }
    case 5:
      return writer.packed(PackedView(packed_map(random_pairs(depth))));
    case 3:
      return writer.opaque(random_opaque_payload());
    default:
      return write_hashable(writer, depth);
  }
}

/// Random values in normal form.
inline rc::Gen<std::string> values(int depth = 3) {
  return rc::gen::exec(
      [depth] { return written([depth](Writer& writer) { write_value(writer, depth); }); });
}

inline rc::Gen<std::string> hashables(int depth = 2) {
  return rc::gen::exec(
      [depth] { return written([depth](Writer& writer) { write_hashable(writer, depth); }); });
}

}  // namespace agora::test
