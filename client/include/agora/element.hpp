// SPDX-License-Identifier: MIT

// element: the result of `d[key]` and `l[index]`; stands for one element of a shared container.
#pragma once

#include <ostream>
#include <type_traits>
#include <utility>

#include <agora/any_io.hpp>

#include "shared/value/codec.hpp"

namespace agora {

/// A reference to an element of a container, not a value: reading it reads from the server,
/// assigning to it writes, and `+=` is one atomic addition there. It holds a copy of the
/// container's handle. `auto x = d[k]` makes x the reference; write `V x = d[k]` or `d.at(k)` for
/// the value.
template <typename Container, typename Key, typename T>
class element {
 public:
  static constexpr bool arithmetic = std::is_arithmetic_v<T> && !std::is_same_v<T, bool>;

  element(Container container, Key key) : container_(std::move(container)), key_(std::move(key)) {}
  element(const element&) = default;

  /// Returns the present value.
  /// @throws key_error, index_error  there is no such element; reading never inserts one.
  T get() const { return container_.at(key_); }
  operator T() const { return get(); }  // NOLINT: implicit, it stands for the value

  /// Writes the value.
  const element& operator=(const T& value) const {  // NOLINT: const, as only the server changes
    container_.assign(key_, value);
    return *this;
  }
  /// Copies the value of the other element.
  const element& operator=(const element& other) const { return *this = other.get(); }  // NOLINT
  element& operator=(const element& other) {
    container_.assign(key_, other.get());
    return *this;
  }

  /// Adds atomically, and returns the new value.
  /// @throws value_error  the sum does not fit; nothing was changed.
  T operator+=(T amount) const requires arithmetic { return container_.add(key_, amount); }
  T operator-=(T amount) const requires arithmetic { return container_.subtract(key_, amount); }
  T operator++() const requires arithmetic { return container_.add(key_, T{1}); }
  T operator--() const requires arithmetic { return container_.subtract(key_, T{1}); }

  // Numbers compare by the conversion to T.
  friend bool operator==(const element& a, const T& b) requires(!std::is_arithmetic_v<T>) {
    return a.get() == b;
  }
  friend bool operator==(const element& a, const element& b) { return a.get() == b.get(); }

  friend std::ostream& operator<<(std::ostream& out, const element& one) {
    return out << to_json_text(pack(one.get()));
  }

 private:
  Container container_;
  Key key_;
};

}  // namespace agora
