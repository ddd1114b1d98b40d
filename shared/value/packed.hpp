// Packed: a value as MessagePack bytes in normal form, the shape in which values rest and travel.
//
// Normal form: shortest integers and headers, floats are float64, map order kept, no duplicate
// keys, extension 1 = reference (UTF-8 name), extension 2 = opaque ([bytes, [references]]).
// The server builds no tree of what it only stores: it copies these bytes in and out.
#pragma once

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
  Kind kind() const;
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
