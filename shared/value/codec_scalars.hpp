// SPDX-License-Identifier: MIT

// Codecs for null, bool, numbers, text, bytes, references and optional values.
//
// No conversion between bool and numbers. A float does not decode as an int, not even 2.0; an int
// decodes as a float.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "shared/value/codec_core.hpp"
#include "shared/value/reference.hpp"

namespace agora {

/// The integer types of any width, except bool and the character types.
template <typename T>
concept Integer = std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char> &&
                  !std::same_as<T, wchar_t> && !std::same_as<T, char8_t> &&
                  !std::same_as<T, char16_t> && !std::same_as<T, char32_t>;

/// Decodes an int from `low` to `high`.
/// @error type_error   the value is not an int.
/// @error value_error  the int is outside of the range, which the message names.
Expected<std::int64_t> decode_signed(PackedView value, std::int64_t low, std::int64_t high);
Expected<std::uint64_t> decode_unsigned(PackedView value, std::uint64_t high);

/// Decodes a float, or an int rounded to one. `expected` is the name in the type_error.
Expected<double> decode_real(PackedView value, std::string_view expected);

/// Returns the bytes of a text, bytes or reference value, as a view into `value`.
Expected<std::string_view> decode_body(PackedView value, Kind kind);

template <>
struct Codec<bool> {
  static void encode(Writer& writer, bool value) { writer.boolean(value); }
  static Expected<bool> decode(PackedView value) {
    if (value.bytes() == "\xc3") return true;
    if (value.bytes() == "\xc2") return false;
    return mismatch(name(), value);
  }
  static std::string name() { return "bool"; }
};

template <Integer T>
struct Codec<T> {
  static void encode(Writer& writer, T value) {
    if constexpr (std::is_signed_v<T>) {
      writer.integer(value);
    } else {
      writer.unsigned_integer(value);
    }
  }
  static Expected<T> decode(PackedView value) {
    using Bounds = std::numeric_limits<T>;
    if constexpr (std::is_signed_v<T>) {
      return narrowed(decode_signed(value, Bounds::min(), Bounds::max()));
    } else {
      return narrowed(decode_unsigned(value, Bounds::max()));
    }
  }
  static std::string name() { return "int"; }

 private:
  template <typename Wide>
  static Expected<T> narrowed(Expected<Wide> wide) {
    if (!wide) return wide.failure();
    return static_cast<T>(*wide);
  }
};

template <>
struct Codec<double> {
  static void encode(Writer& writer, double value) { writer.real(value); }
  static Expected<double> decode(PackedView value) { return decode_real(value, name()); }
  static std::string name() { return "float"; }
};

/// Rounds to the nearest float; a finite number beyond its range is value_error.
template <>
struct Codec<float> {
  static void encode(Writer& writer, float value) { writer.real(double{value}); }
  static Expected<float> decode(PackedView value);
  static std::string name() { return "float"; }
};

/// Decodes to a view into the bytes of the value, valid as long as these are.
template <>
struct Codec<std::string_view> {
  static void encode(Writer& writer, std::string_view value) { writer.text(value); }
  static Expected<std::string_view> decode(PackedView value) {
    return decode_body(value, Kind::text);
  }
  static std::string name() { return "text"; }
};

template <>
struct Codec<std::string> {
  static void encode(Writer& writer, const std::string& value) { writer.text(value); }
  static Expected<std::string> decode(PackedView value) {
    auto body = decode_body(value, Kind::text);
    if (!body) return body.failure();
    return std::string(*body);
  }
  static std::string name() { return "text"; }
};

/// Encodes text up to the terminating zero; the pointer must not be null.
template <>
struct Codec<const char*> {
  static void encode(Writer& writer, const char* value) { writer.text(value); }
};

template <>
struct Codec<char*> : Codec<const char*> {};

template <std::size_t N>
struct Codec<char[N]> : Codec<const char*> {};

template <>
struct Codec<std::span<const std::byte>> {
  static void encode(Writer& writer, std::span<const std::byte> value) {
    writer.bytes({reinterpret_cast<const char*>(value.data()), value.size()});
  }
};

template <>
struct Codec<std::vector<std::byte>> {
  static void encode(Writer& writer, const std::vector<std::byte>& value) {
    Codec<std::span<const std::byte>>::encode(writer, value);
  }
  static Expected<std::vector<std::byte>> decode(PackedView value);
  static std::string name() { return "bytes"; }
};

template <>
struct Codec<reference> {
  static void encode(Writer& writer, const reference& value) { writer.reference(value.name); }
  static Expected<reference> decode(PackedView value) {
    auto body = decode_body(value, Kind::reference);
    if (!body) return body.failure();
    return reference{std::string(*body), ScopedHold::share()};
  }
  static std::string name() { return "reference"; }
};

/// Unit types: their only value is encoded as null.
template <typename T>
requires(std::same_as<T, std::nullptr_t> || std::same_as<T, std::monostate>) struct Codec<T> {
  static void encode(Writer& writer, T) { writer.null(); }
  static Expected<T> decode(PackedView value) {
    if (!value.is_null()) return mismatch(name(), value);
    return T{};
  }
  static std::string name() { return "null"; }
};

template <>
struct Codec<std::nullopt_t> {
  static void encode(Writer& writer, std::nullopt_t) { writer.null(); }
};

/// Encodes an empty optional as null, and decodes null as empty, even if T itself could be null. A
/// failed decoding returns the error of T.
template <Encodable T>
struct Codec<std::optional<T>> {
  static void encode(Writer& writer, const std::optional<T>& value) {
    if (value) {
      Codec<T>::encode(writer, *value);
    } else {
      writer.null();
    }
  }
  static Expected<std::optional<T>> decode(PackedView value) requires Decodable<T> {
    if (value.is_null()) return std::optional<T>{};
    auto inner = Codec<T>::decode(value);
    if (!inner) return inner.failure();
    return std::optional<T>(std::move(*inner));
  }
  static std::string name() requires Decodable<T> { return Codec<T>::name() + " or null"; }
};

}  // namespace agora
