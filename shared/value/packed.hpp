// Packed: a value as MessagePack bytes in normal form, the shape in which values rest and travel.
//
// Normal form: shortest integers and headers, floats are float64, map order kept, no duplicate
// keys, extension 1 = reference (UTF-8 name), extension 2 = opaque ([bytes, [references]]).
// The server builds no tree of what it only stores: it copies these bytes in and out.
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
  opaque,     ///< private bytes of one language, with the references that they contain
};

/// "null", "bool", "int", "float", "text", "bytes", "list", "map", "reference", "opaque".
std::string_view to_string(Kind kind);

namespace packed {

/// What first bytes of extensions say: no kind, the type number tells.
constexpr std::uint8_t kExtension = 0xff;

/// The kind of a value by its first byte. 0xc1 begins none.
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
  for (const unsigned first : {0xc7u, 0xc8u, 0xc9u, 0xd4u, 0xd5u, 0xd6u, 0xd7u, 0xd8u}) {
    table[first] = kExtension;
  }
  return table;
}
inline constexpr std::array<std::uint8_t, 256> kKinds = kinds_by_first_byte();

/// The kind of a value that is an extension.
Kind extension_kind(std::string_view bytes);

}  // namespace packed

/// Exactly one value in normal form, owned by somebody else. Default: absent (no value at all),
/// which is not the same as a null value.
class PackedView {
 public:
  constexpr PackedView() = default;
  /// `bytes` must be one whole value in normal form; nothing is checked here.
  constexpr explicit PackedView(std::string_view bytes) : bytes_(bytes) {}

  constexpr bool present() const { return !bytes_.empty(); }
  constexpr std::string_view bytes() const { return bytes_; }
  constexpr std::size_t size() const { return bytes_.size(); }
  /// The kind, read off the first byte. Must be present.
  Kind kind() const {
    const std::uint8_t kind = packed::kKinds[static_cast<std::uint8_t>(bytes_[0])];
    return kind == packed::kExtension ? packed::extension_kind(bytes_) : static_cast<Kind>(kind);
  }
  /// True for what can neither be nor contain a reference.
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
  operator PackedView() const { return view(); }  // NOLINT: a view of it wherever one is wanted
  const std::string& bytes() const { return bytes_; }
  std::string take() && { return std::move(bytes_); }
  Kind kind() const { return view().kind(); }

  friend bool operator==(const Packed& a, const Packed& b) = default;

 private:
  std::string bytes_;
};

}  // namespace agora
