// SPDX-License-Identifier: MIT

// any: a dynamically typed value, of any kind that agora has.
//
// agora::dict<any, any> is the counterpart of a Python dict. An any compares as the server
// compares: by comparison key, so 1 == 1.0, true != 1, "2" != 2 (see key_bytes.hpp).
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
  /// Makes a null value.
  any() = default;

  /// Converts from every type that has a Codec; literals and `const char*` become text.
  template <typename T>
  requires(!std::same_as<std::remove_cvref_t<T>, any> && Encodable<T>) any(const T& value)
      : packed_(pack(value)) {}  // NOLINT: implicit, as its name promises

  /// @param hold  keeps the anonymous objects alive to which the value refers
  explicit any(Packed value, HoldRef hold = {})
      : packed_(std::move(value)), hold_(std::move(hold)) {}

  Kind kind() const { return packed_.kind(); }
  bool is_null() const { return packed_.view().is_null(); }
  const Packed& packed() const { return packed_; }

  /// Returns the value as a T. A view stays valid until this any is changed or destroyed.
  /// @error type_error, value_error  as of unpack().
  template <Decodable T>
  Expected<T> get() const {
    const ScopedHold scope(hold_);
    return unpack<T>(packed_);
  }

  /// Returns the value as a T, or nullopt if it cannot be decoded as a T.
  template <Decodable T>
  std::optional<T> if_is() const {
    const ScopedHold scope(hold_);
    auto result = unpack<T>(packed_);
    if (!result) return std::nullopt;
    return std::move(*result);
  }

  friend bool operator==(const any& a, const any& b) { return equal(a.packed_, b.packed_); }

  /// Compares the comparison keys as bytes: a total order consistent with ==, so that an any can be
  /// the key of a std::map. The order of compare() would not do: it does not cover all kinds.
  friend bool operator<(const any& a, const any& b) {
    std::string scratch_a;
    std::string scratch_b;
    return key_bytes(a.packed_, scratch_a) < key_bytes(b.packed_, scratch_b);
  }

 private:
  Packed packed_;
  HoldRef hold_;  // on the anonymous objects to which the value refers
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

/// Equal values have equal hashes. Not keyed, so not safe against hash flooding: do not use it for
/// a table that untrusted clients fill.
template <>
struct std::hash<agora::any> {
  std::size_t operator()(const agora::any& value) const {
    std::string scratch;
    return std::hash<std::string_view>{}(agora::key_bytes(value.packed(), scratch));
  }
};
