// SPDX-License-Identifier: MIT

// Packed: a value as MessagePack bytes in normal form, as values are stored and sent.
//
// Normal form: shortest integers and headers, floats are float64, map order kept, no duplicate
// keys, extension 1 = reference (UTF-8 name), extension 2 = opaque ([bytes, [references]]).
// The server builds no tree of a value that it only stores: it copies these bytes in and out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace agora {

/// The kinds of value that agora knows.
enum class Kind : std::uint8_t {
  null,
  boolean,
  integer,  ///< int64 or uint64 range
  real,     ///< float64
  text,     ///< UTF-8
  bytes,
  list,
  map,
  reference,  ///< the name of an object
  opaque,     ///< serialized bytes of one language, with the references that they contain
};

/// Returns "null", "bool", "int", "float", "text", "bytes", "list", "map", "reference", "opaque".
std::string_view to_string(Kind kind);

namespace packed {

/// The entry of kKinds for a first byte of an extension, whose kind depends on its type number.
constexpr std::uint8_t kExtension = 0xff;

/// Returns the table of kinds by first byte. No value begins with 0xc1.
consteval std::array<std::uint8_t, 256> kinds_by_first_byte() {
  std::array<std::uint8_t, 256> table{};
  const auto fill = [&](unsigned from, unsigned to, Kind kind) {
    for (unsigned i = from; i <= to; ++i) table[i] = static_cast<std::uint8_t>(kind);
  };
  fill(0x00, 0x7f, Kind::integer);
  fill(0x80, 0x8f, Kind::map);
  fill(0x90, 0x9f, Kind::list);
  fill(0xa0, 0xbf, Kind::text);
  fill(0xc0, 0xc1, Kind::null);
  fill(0xc2, 0xc3, Kind::boolean);
  fill(0xc4, 0xc6, Kind::bytes);
  fill(0xca, 0xcb, Kind::real);
  fill(0xcc, 0xd3, Kind::integer);
  fill(0xd9, 0xdb, Kind::text);
  fill(0xdc, 0xdd, Kind::list);
  fill(0xde, 0xdf, Kind::map);
  fill(0xe0, 0xff, Kind::integer);
  for (const unsigned first : {0xc7U, 0xc8U, 0xc9U, 0xd4U, 0xd5U, 0xd6U, 0xd7U, 0xd8U}) {
    table[first] = kExtension;
  }
  return table;
}
inline constexpr std::array<std::uint8_t, 256> kKinds = kinds_by_first_byte();

/// Returns the kind of a value that is an extension.
Kind extension_kind(std::string_view bytes);

}  // namespace packed

/// A non-owning view of exactly one value in normal form. Default: absent (no value at all), which
/// is not the same as a null value.
class PackedView {
 public:
  constexpr PackedView() = default;
  /// `bytes` must be one whole value in normal form; not checked.
  constexpr explicit PackedView(std::string_view bytes) : bytes_(bytes) {}

  constexpr bool present() const { return !bytes_.empty(); }
  constexpr std::string_view bytes() const { return bytes_; }
  constexpr std::size_t size() const { return bytes_.size(); }
  /// Returns the kind, from the first byte. @pre present()
  Kind kind() const {
    const std::uint8_t kind = packed::kKinds[static_cast<std::uint8_t>(bytes_[0])];
    return kind == packed::kExtension ? packed::extension_kind(bytes_) : static_cast<Kind>(kind);
  }
  /// Returns true for kinds that can neither be nor contain a reference.
  bool is_plain() const {
    constexpr unsigned kOthers =
        1U << static_cast<unsigned>(Kind::list) | 1U << static_cast<unsigned>(Kind::map) |
        1U << static_cast<unsigned>(Kind::reference) | 1U << static_cast<unsigned>(Kind::opaque);
    return ((kOthers >> static_cast<unsigned>(kind())) & 1U) == 0;
  }
  bool is_null() const { return bytes_.size() == 1 && bytes_[0] == '\xc0'; }

  friend bool operator==(PackedView a, PackedView b) = default;  ///< same bytes, not equal values

 private:
  std::string_view bytes_;
};

/// Exactly one value in normal form, owned. Default: null.
class Packed {
 public:
  Packed() : bytes_(1, '\xc0') {}
  explicit Packed(std::string bytes) : bytes_(std::move(bytes)) {}
  explicit Packed(PackedView view) : bytes_(view.bytes()) {}

  PackedView view() const { return PackedView{bytes_}; }
  operator PackedView() const { return view(); }  // NOLINT: implicit, as std::string to string_view
  const std::string& bytes() const { return bytes_; }
  std::string take() && { return std::move(bytes_); }
  Kind kind() const { return view().kind(); }

  friend bool operator==(const Packed& a, const Packed& b) = default;

 private:
  std::string bytes_;
};

}  // namespace agora
