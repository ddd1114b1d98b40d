// SPDX-License-Identifier: MIT

// Hand-written values for the tests of shared/value. random_values.hpp has random ones.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

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

/// Concatenates the pieces. (GCC 12 falsely warns of an overlap in `"x" + std::string()`.)
inline std::string joined(std::initializer_list<std::string_view> pieces) {
  std::string bytes;
  for (const std::string_view piece : pieces) bytes.append(piece);
  return bytes;
}

/// Returns the bytes that `write` writes.
template <typename Write>
std::string written(Write write) {
  std::string bytes;
  Writer writer(bytes);
  write(writer);
  return bytes;
}

/// Normalizes the whole of `bytes` with the default limits.
inline Expected<std::string> normal(std::string_view bytes) {
  std::string out;
  Budget budget{Limits{}};
  auto taken = normalize(bytes, out, budget);
  if (!taken) return taken.failure();
  if (*taken != bytes.size()) return fail(Errc::internal_error, "bytes are left over");
  return out;
}

/// Returns the type of the error of normalize(), or "ok".
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

}  // namespace agora::test
