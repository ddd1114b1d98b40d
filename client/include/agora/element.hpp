// element: what `d[key]` and `l[index]` give: stands for one place in a shared container.
#pragma once

#include <ostream>
#include <type_traits>
#include <utility>

#include <agora/any_io.hpp>

#include "shared/value/codec.hpp"

namespace agora {

/// A place in a container, not a value: reading it asks the server, assigning to it writes, and
/// `+=` is one atomic addition there. It holds a copy of the container's handle. `auto x = d[k]`
/// makes x the place; write `V x = d[k]` or `d.at(k)` for the value.
template <typename Container, typename Key, typename T>
class element {
 public:
  static constexpr bool arithmetic = std::is_arithmetic_v<T> && !std::is_same_v<T, bool>;

  element(Container container, Key key) : container_(std::move(container)), key_(std::move(key)) {}
  element(const element&) = default;

  /// The value now.
  /// @throws key_error, index_error  there is no such place: reading never makes one.
  T get() const { return container_.at(key_); }
  operator T() const { return get(); }  // NOLINT: implicit, it stands for the value

  /// Writes the value.
  const element& operator=(const T& value) const {  // NOLINT: a place is const, what is there not
    container_.assign(key_, value);
    return *this;
  }
  /// Copies the value of the other place.
  const element& operator=(const element& other) const { return *this = other.get(); }  // NOLINT
  element& operator=(const element& other) {
    container_.assign(key_, other.get());
    return *this;
  }

  /// Adds atomically, and gives the new value.
  /// @throws value_error  the sum does not fit; nothing was changed.
  T operator+=(T amount) const requires arithmetic { return container_.add(key_, amount); }
  T operator-=(T amount) const requires arithmetic { return container_.subtract(key_, amount); }
  T operator++() const requires arithmetic { return container_.add(key_, T{1}); }
  T operator--() const requires arithmetic { return container_.subtract(key_, T{1}); }

  // Numbers compare by the conversion above.
  friend bool operator==(const element& a, const T& b) requires(!std::is_arithmetic_v<T>) {
    return a.get() == b;
  }
  friend bool operator==(const element& a, const element& b) { return a.get() == b.get(); }

  friend std::ostream& operator<<(std::ostream& out, const element& place) {
    return out << to_json_text(pack(place.get()));
  }

 private:
  Container container_;
  Key key_;
};

}  // namespace agora
