// SPDX-License-Identifier: MIT

// Codec<T>: encodes a C++ type as a value and decodes it again. Specialise it to add a type.
//
// A specialisation has (a type that cannot be decoded leaves out decode and name):
//   static void encode(Writer& writer, const T& value);      // appends exactly one value
//   static Expected<T> decode(PackedView value);             // any value, even an absent one
//   static std::string name();                               // for messages: "list of int"
//
// Decoding fails with type_error, "expected <name>, found <kind> <value>", or with value_error if
// the kind is right and the value out of range. For an element of a container the message names its
// index or key.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "shared/base/expected.hpp"
#include "shared/value/msgpack_reader.hpp"
#include "shared/value/msgpack_writer.hpp"
#include "shared/value/packed.hpp"

namespace agora {

template <typename T>
struct Codec;

/// Types that can be encoded as a value.
template <typename T>
concept Encodable = requires(Writer& writer, const T& value) {
  { Codec<T>::encode(writer, value) } -> std::same_as<void>;
};

/// Types that can be decoded from a value.
template <typename T>
concept Decodable = requires(PackedView value) {
  { Codec<T>::decode(value) } -> std::same_as<Expected<T>>;
  { Codec<T>::name() } -> std::convertible_to<std::string>;
};

/// Encodes `value` in normal form. Text must be UTF-8: not checked here, the server refuses other
/// text.
template <Encodable T>
Packed pack(const T& value) {
  std::string bytes;
  Writer writer(bytes);
  Codec<T>::encode(writer, value);
  return Packed(std::move(bytes));
}

/// Decodes `value` as a T.
/// @error type_error   the value is of another kind.
/// @error value_error  a number outside the range of T.
template <Decodable T>
Expected<T> unpack(PackedView value) {
  return Codec<T>::decode(value);
}

/// Returns type_error "expected <expected>, found <kind> <value>".
Failure mismatch(std::string_view expected, PackedView found);

/// Returns `inner` with "element <index>: " before its message.
Failure at_element(std::size_t index, Failure inner);

/// Returns `inner` with "key <key>: " before its message: for the values of a map.
Failure at_key(PackedView key, Failure inner);

/// Returns the size of a container as the count of a header. Asserts at most 2^32-1 elements.
std::uint32_t count_of(std::size_t size);

}  // namespace agora
