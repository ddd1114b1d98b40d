// any: a value of any kind, as agora knows them.
//
// agora::dict<any, any> holds what a Python dict holds. An any compares as the server compares:
// by comparison key, so 1 == 1.0, true != 1, "2" != 2 (see key_bytes.hpp).
#pragma once

#include <concepts>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "shared/value/codec.hpp"
#include "shared/value/hold_ref.hpp"
#include "shared/value/key_bytes.hpp"

namespace agora {

class any {
 public:
  /// Null.
  any() = default;

  /// From everything that has a Codec; literals and `const char*` become text.
  template <typename T>
  requires(!std::same_as<std::remove_cvref_t<T>, any> && Encodable<T>) any(const T& value)
      : packed_(pack(value)) {}  // NOLINT: implicit, as its name promises

  explicit any(Packed value, HoldRef keep = {})
      : packed_(std::move(value)), hold_(std::move(keep)) {}

  Kind kind() const { return packed_.kind(); }
  bool is_null() const { return packed_.view().is_null(); }
  const Packed& packed() const { return packed_; }

  /// The value as a T. A view lives as long as this any is not changed.
  /// @error type_error, value_error  as of unpack().
  template <Decodable T>
  Expected<T> get() const {
    const ScopedHold keeping(hold_);
    return unpack<T>(packed_);
  }

  /// The value as a T, or nothing if it is none.
  template <Decodable T>
  std::optional<T> if_is() const {
    const ScopedHold keeping(hold_);
    auto result = unpack<T>(packed_);
    if (!result) return std::nullopt;
    return std::move(*result);
  }

  friend bool operator==(const any& a, const any& b) { return equal(a.packed_, b.packed_); }

  /// The order of the comparison keys as bytes: total and in accord with ==, so that an any can be
  /// the key of a std::map. It is not the order of compare(), which not all kinds have.
  friend bool operator<(const any& a, const any& b) {
    std::string scratch_a;
    std::string scratch_b;
    return key_bytes(a.packed_, scratch_a) < key_bytes(b.packed_, scratch_b);
  }

 private:
  Packed packed_;
  HoldRef hold_;  // of the anonymous objects to which it refers
};

template <>
struct Codec<any> {
  static void encode(Writer& writer, const any& value) { writer.packed(value.packed()); }
  static Expected<any> decode(PackedView value) {
    if (!value.present()) return mismatch(name(), value);
    return any(Packed(value), ScopedHold::share());
  }
  static std::string name() { return "any value"; }
};

}  // namespace agora

/// Equal values have equal hashes. Not keyed: not for a table that strangers fill.
template <>
struct std::hash<agora::any> {
  std::size_t operator()(const agora::any& value) const {
    std::string scratch;
    return std::hash<std::string_view>{}(agora::key_bytes(value.packed(), scratch));
  }
};
