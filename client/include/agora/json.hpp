// SPDX-License-Identifier: MIT

// User types through nlohmann/json: a type with to_json and from_json (NLOHMANN_DEFINE_TYPE_* is
// enough) is a value of agora. For speed, specialise Codec<T> instead.
#pragma once

#include <string>
#include <type_traits>
#include <utility>

#include <nlohmann/json.hpp>

#include "shared/value/codec.hpp"

namespace agora {

/// Appends a JSON value as a value of agora; binary becomes bytes.
/// @throws value_error  nested deeper than a value may be, or text that is not UTF-8.
void encode_json(Writer& writer, const nlohmann::json& document);

/// Converts a value to JSON; bytes become binary.
/// @error type_error  a reference, an opaque value, or a map whose keys are not all text.
Expected<nlohmann::json> decode_json(PackedView value);

namespace detail {

// Only functions found by argument-dependent lookup count: a type of nlohmann's own, or of the
// standard library, is no user type.
template <typename T>
concept NlohmannType = (std::is_class_v<T> || std::is_enum_v<T>)&&requires(
    nlohmann::json& document, const nlohmann::json& source, const T& in, T& out) {
  to_json(document, in);
  from_json(source, out);
};

}  // namespace detail

template <>
struct Codec<nlohmann::json> {
  static void encode(Writer& writer, const nlohmann::json& value) { encode_json(writer, value); }
  static Expected<nlohmann::json> decode(PackedView value) { return decode_json(value); }
  static std::string name() { return "JSON"; }
};

template <detail::NlohmannType T>
struct Codec<T> {
  static void encode(Writer& writer, const T& value) {
    nlohmann::json document;
    to_json(document, value);
    encode_json(writer, document);
  }
  /// @error type_error  the value does not have the members of T; the message is nlohmann's.
  static Expected<T> decode(PackedView value) requires std::is_default_constructible_v<T> {
    auto document = decode_json(value);
    if (!document) return document.failure();
    try {
      T result{};
      from_json(*document, result);
      return result;
    } catch (const nlohmann::json::exception& problem) {
      return fail(Errc::type_error, std::string("expected ") + name() + ": " + problem.what());
    }
  }
  static std::string name() { return "a user type"; }
};

}  // namespace agora
