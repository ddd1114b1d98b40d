// SPDX-License-Identifier: MIT

// Codecs for the standard library's containers, pairs and tuples.
//
// Sequences and sets are encoded as lists, pairs and tuples as lists of fixed length, maps as maps.
// Decoding reserves no more memory than the message can fill: the reader refuses a list header that
// announces more elements than there are bytes.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "shared/value/codec_core.hpp"

namespace agora {

/// Reads the header of a list or map and returns its count; nullopt if it is of another kind.
std::optional<std::uint32_t> open_container(Reader& reader, Kind kind);

/// Returns the type_error for a list of the wrong length, or for a value of another kind.
Failure wrong_list(PackedView found, const std::string& expected);

template <typename Container>
void encode_list(Writer& writer, const Container& elements) {
  writer.list(count_of(elements.size()));
  for (const auto& element : elements) {
    Codec<typename Container::value_type>::encode(writer, element);
  }
}

/// Decodes `count` elements and passes each to `add(T&&)`.
template <typename T, typename Add>
Expected<void> decode_elements(Reader& reader, std::uint32_t count, Add add) {
  for (std::uint32_t i = 0; i < count; ++i) {
    auto element = Codec<T>::decode(reader.value());
    if (!element) return at_element(i, element.failure());
    add(std::move(*element));
  }
  return {};
}

/// Base of the codecs of all containers that are lists of any length.
template <typename Container, typename T>
struct ListCodec {
  static void encode(Writer& writer, const Container& value) { encode_list(writer, value); }
  static Expected<Container> decode(PackedView value) requires Decodable<T> {
    Reader reader(value);
    const auto count = open_container(reader, Kind::list);
    if (!count) return mismatch(name(), value);
    Container result;
    if constexpr (requires { result.reserve(*count); }) result.reserve(*count);
    auto done = decode_elements<T>(reader, *count, [&](T&& element) {
      if constexpr (requires { result.push_back(std::move(element)); }) {
        result.push_back(std::move(element));
      } else {
        result.insert(std::move(element));
      }
    });
    if (!done) return done.failure();
    return result;
  }
  static std::string name() requires Decodable<T> { return "list of " + Codec<T>::name(); }
};

/// Base of the codecs of the two maps.
template <typename Container, typename K, typename V>
struct MapCodec {
  static void encode(Writer& writer, const Container& value) {
    writer.map(count_of(value.size()));
    for (const auto& [key, mapped] : value) {
      Codec<K>::encode(writer, key);
      Codec<V>::encode(writer, mapped);
    }
  }
  static Expected<Container> decode(PackedView value) requires Decodable<K> && Decodable<V> {
    Reader reader(value);
    const auto count = open_container(reader, Kind::map);
    if (!count) return mismatch(name(), value);
    Container result;
    for (std::uint32_t i = 0; i < *count; ++i) {
      const PackedView packed_key = reader.value();
      auto key = Codec<K>::decode(packed_key);
      if (!key) return at_key(packed_key, key.failure());
      auto mapped = Codec<V>::decode(reader.value());
      if (!mapped) return at_key(packed_key, mapped.failure());
      result.insert_or_assign(std::move(*key), std::move(*mapped));
    }
    return result;
  }
  static std::string name() requires Decodable<K> && Decodable<V> {
    return "map of " + Codec<K>::name() + " to " + Codec<V>::name();
  }
};

/// Base of the codecs of pair and tuple.
template <typename Tuple, typename... T>
struct TupleCodec {
  static void encode(Writer& writer, const Tuple& value) {
    writer.list(sizeof...(T));
    std::apply([&](const T&... element) { (Codec<T>::encode(writer, element), ...); }, value);
  }
  static Expected<Tuple> decode(PackedView value) requires(Decodable<T>&&...) {
    Reader reader(value);
    if (open_container(reader, Kind::list) != sizeof...(T)) return wrong_list(value, name());
    // Braces guarantee that the elements are decoded from left to right.
    std::tuple<Expected<T>...> parts{Codec<T>::decode(reader.value())...};
    return assembled(parts, std::index_sequence_for<T...>{});
  }
  static std::string name() requires(Decodable<T>&&...) {
    std::string inner;
    ((inner += (inner.empty() ? "" : ", ") + Codec<T>::name()), ...);
    return "list (" + inner + ")";
  }

 private:
  template <std::size_t... I>
  static Expected<Tuple> assembled(std::tuple<Expected<T>...>& parts, std::index_sequence<I...>) {
    Expected<void> checked;
    (void)((std::get<I>(parts) ? true
                               : (checked = at_element(I, std::get<I>(parts).failure()), false)) &&
           ...);
    if (!checked) return checked.failure();
    return Tuple(std::move(*std::get<I>(parts))...);
  }
};

template <Encodable T, typename Allocator>
struct Codec<std::vector<T, Allocator>> : ListCodec<std::vector<T, Allocator>, T> {};

template <Encodable T, typename Allocator>
struct Codec<std::deque<T, Allocator>> : ListCodec<std::deque<T, Allocator>, T> {};

template <Encodable T, typename... Rest>
struct Codec<std::set<T, Rest...>> : ListCodec<std::set<T, Rest...>, T> {};

template <Encodable T, typename... Rest>
struct Codec<std::unordered_set<T, Rest...>> : ListCodec<std::unordered_set<T, Rest...>, T> {};

template <Encodable K, Encodable V, typename... Rest>
struct Codec<std::map<K, V, Rest...>> : MapCodec<std::map<K, V, Rest...>, K, V> {};

template <Encodable K, Encodable V, typename... Rest>
struct Codec<std::unordered_map<K, V, Rest...>>
    : MapCodec<std::unordered_map<K, V, Rest...>, K, V> {};

template <Encodable A, Encodable B>
struct Codec<std::pair<A, B>> : TupleCodec<std::pair<A, B>, A, B> {};

template <Encodable... T>
struct Codec<std::tuple<T...>> : TupleCodec<std::tuple<T...>, T...> {};

/// T must have a default constructor to be decoded.
template <Encodable T, std::size_t N>
struct Codec<std::array<T, N>> {
  static void encode(Writer& writer, const std::array<T, N>& value) { encode_list(writer, value); }
  static Expected<std::array<T, N>> decode(PackedView value) requires Decodable<T> {
    Reader reader(value);
    if (open_container(reader, Kind::list) != N) return wrong_list(value, name());
    std::array<T, N> result{};
    auto* place = result.data();
    auto done = decode_elements<T>(reader, N, [&](T&& element) { *place++ = std::move(element); });
    if (!done) return done.failure();
    return result;
  }
  static std::string name() requires Decodable<T> {
    return "list of " + std::to_string(N) + " " + Codec<T>::name();
  }
};

}  // namespace agora
