// Codec<T>: how a C++ type becomes a value and comes back. Specialise it to add a type.
//
// A specialisation has (decode and name may be left out by types that cannot be read back):
//   static void encode(Writer& writer, const T& value);      // appends exactly one value
//   static Expected<T> decode(PackedView value);             // any value, also an absent one
//   static std::string name();                               // for messages: "list of int"
//
// Decoding gives type_error, "expected <name>, found <kind> <value>", or value_error where the kind
// is right and the value out of range; inside containers the message says where.
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

/// Types that can be turned into a value.
template <typename T>
concept Encodable = requires(Writer& writer, const T& value) {
  { Codec<T>::encode(writer, value) } -> std::same_as<void>;
};

/// Types that a value can be turned into.
template <typename T>
concept Decodable = requires(PackedView value) {
  { Codec<T>::decode(value) } -> std::same_as<Expected<T>>;
  { Codec<T>::name() } -> std::convertible_to<std::string>;
};

/// `value` in normal form. Text must be UTF-8; nothing checks it here, the server refuses it.
template <Encodable T>
Packed pack(const T& value) {
  std::string bytes;
  Writer writer(bytes);
  Codec<T>::encode(writer, value);
  return Packed(std::move(bytes));
}

/// The T that `value` stands for.
/// @error type_error   the value is of another kind.
/// @error value_error  a number outside the range of T.
template <Decodable T>
Expected<T> unpack(PackedView value) {
  return Codec<T>::decode(value);
}

/// type_error "expected <expected>, found <kind> <value>".
Failure mismatch(std::string_view expected, PackedView found);

/// `inner` with "element <index>: " before its message.
Failure at_element(std::size_t index, Failure inner);

/// `inner` with "key <key>: " before its message: for the values of a map.
Failure at_key(PackedView key, Failure inner);

/// The size of a container as the count of a header. More than 2^32-1 elements end the program.
std::uint32_t count_of(std::size_t size);

}  // namespace agora
