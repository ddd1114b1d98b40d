// SPDX-License-Identifier: MIT

// value<T>: one shared value, like std::atomic<T>, for any T.
#pragma once

#include <concepts>
#include <cstddef>
#include <ostream>
#include <string_view>
#include <type_traits>
#include <utility>

#include <agora/any_io.hpp>
#include <agora/deprecated.hpp>
#include <agora/detail/negated.hpp>
#include <agora/proxy.hpp>

#include "shared/value/any.hpp"

namespace agora {

/// Options of value and array; used only if the call of the factory creates the object.
struct number_options {
  /// True: programs on the server's host access the object in shared memory, without the server.
  /// False: the object can be watched, and can take part in transactions. Only numbers and bools
  /// can be local.
  bool local = true;
};

/// Returns the type code of a value<T> on the server: `q` for a 64-bit integer, `d` for a double,
/// and so on; `any` for a type that is no number.
template <typename T>
constexpr std::string_view typecode_for() {
  if constexpr (std::same_as<T, bool>)
    return "?";
  else if constexpr (std::same_as<T, float>)
    return "f";
  else if constexpr (std::same_as<T, double>)
    return "d";
  else if constexpr (!Integer<T>)
    return "any";
  else if constexpr (sizeof(T) == 1)
    return std::is_signed_v<T> ? "b" : "B";
  else if constexpr (sizeof(T) == 2)
    return std::is_signed_v<T> ? "h" : "H";
  else if constexpr (sizeof(T) == 4)
    return std::is_signed_v<T> ? "i" : "I";
  else
    return std::is_signed_v<T> ? "q" : "Q";
}

/// The element types of array.
template <typename T>
concept Arithmetic = std::is_arithmetic_v<T>;

/// The types that can be added.
template <typename T>
concept Number = Arithmetic<T> && !std::same_as<T, bool>;

/// True if a T can be stored in a word of memory that this program and the server share.
template <typename T>
inline constexpr bool fits_word = std::is_arithmetic_v<T> && sizeof(T) <= 8 &&
                                  !std::is_same_v<T, long double>;

/// Returns the type code of an ObjectView that holds elements of type T.
template <typename T>
constexpr char word_code() {
  const char code = typecode_for<T>().front();
  return code == 'q' ? 'l' : code == 'Q' ? 'L' : code;
}

/// Every operation is one atomic step, except where its documentation says that it loops. Integers
/// wrap round as in std::atomic if this program's factory made the object.
///
/// @code
/// auto hits = m.value<std::int64_t>("hits");
/// hits += 1;
/// std::int64_t before = hits.exchange(0);
/// @endcode
template <typename T = any>
class value : public proxy {
 public:
  using value_type = T;

  /// Called by a manager's factory; see manager::value.
  explicit value(detail::ObjectHandle handle) : proxy(std::move(handle)) {}

  /// @throws type_error  the stored value is no T.
  T load() const;
  operator T() const { return load(); }  // NOLINT: implicit, as in std::atomic
  void store(const T& desired) const;
  T operator=(const T& desired) const {  // NOLINT: as in std::atomic, and const as all operations
    store(desired);
    return desired;
  }
  /// Returns the value before.
  T exchange(const T& desired) const;

  /// Stores `desired` if the value is `expected`; else stores the present value in `expected`.
  /// Values are equal as the server compares them: NaN equals NaN, 1 equals 1.0.
  bool compare_exchange_strong(T& expected, const T& desired) const;
  bool compare_exchange_weak(T& expected, const T& desired) const {
    return compare_exchange_strong(expected, desired);
  }
  /// Stores `desired` only if the value is `expected`.
  bool compare_and_set(T expected, const T& desired) const;

  /// Adds, and returns the value before. On a float it is a compare-and-swap loop, since the value
  /// before cannot be computed from a rounded sum; `add` never loops.
  T fetch_add(T amount) const requires Number<T>;
  T fetch_sub(T amount) const requires Number<T>;
  /// Adds, and returns the new value.
  T add(T amount) const requires Number<T>;
  T subtract(T amount) const requires Number<T>;
  T operator+=(T amount) const requires Number<T> { return add(amount); }
  T operator-=(T amount) const requires Number<T> { return subtract(amount); }
  T operator++() const requires Number<T> { return add(T{1}); }
  T operator--() const requires Number<T> { return subtract(T{1}); }
  T operator++(int) const requires Number<T> { return fetch_add(T{1}); }
  T operator--(int) const requires Number<T> { return fetch_sub(T{1}); }

  /// Bit operations, as in std::atomic. Each is a compare-and-swap loop.
  T fetch_and(T bits) const requires Integer<T> {
    return replace([bits](T old) { return static_cast<T>(old & bits); });
  }
  T fetch_or(T bits) const requires Integer<T> {
    return replace([bits](T old) { return static_cast<T>(old | bits); });
  }
  T fetch_xor(T bits) const requires Integer<T> {
    return replace([bits](T old) { return static_cast<T>(old ^ bits); });
  }

  // ---- asynchronous forms: the last argument is a completion token, see async.hpp

  template <typename Token>
  auto async_load(Token&& token) const {
    return async_call<T>(detail::methods::value_get, token);
  }
  template <typename Token>
  auto async_store(const T& desired, Token&& token) const {
    return async_call<void>(detail::methods::value_set, token, desired);
  }
  template <typename Token>
  auto async_exchange(const T& desired, Token&& token) const {
    return async_call<T>(detail::methods::value_exchange, token, desired);
  }
  template <typename Token>
  auto async_compare_and_set(const T& expected, const T& desired, Token&& token) const {
    return async_call<bool>(detail::methods::value_compare_and_set, token, expected, desired);
  }
  template <typename Token>
  AGORA_DEPRECATED("use async_compare_and_set")
  auto async_compare_exchange(const T& expected, const T& desired, Token&& token) const {
    return async_compare_and_set(expected, desired, token);
  }
  template <typename Token>
  auto async_add(T amount, Token&& token) const requires Number<T> {
    return async_call<T>(detail::methods::value_add, token, amount);
  }
  template <typename Token>
  auto async_subtract(T amount, Token&& token) const requires Number<T> {
    return async_call<T>(detail::methods::value_add, token, detail::negated(amount));
  }

  // Numbers compare by the conversion to T.
  friend bool operator==(const value& a, const T& b) requires(!std::is_arithmetic_v<T>) {
    return a.load() == b;
  }
  friend bool operator==(const value& a, const value& b) { return a.load() == b.load(); }

 private:
  // Returns the word in shared memory for the fast path, or null if the call must be made.
  auto* word() const {
    if constexpr (fits_word<T>) {
      const detail::ObjectView* view = handle().view();
      if (view != nullptr && view->holds(detail::ObjectKind::value, word_code<T>()))
        return &view->template word<T>();
      return static_cast<std::atomic<T>*>(nullptr);
    } else {
      return static_cast<detail::NoWord<T>*>(nullptr);
    }
  }
  // As word(), for sums. Integers whose sums do not wrap are left to the server, which refuses an
  // overflow.
  auto* word_for_sum() const {
    auto* at = word();
    if (at != nullptr && Integer<T> && !handle().last_view()->wraps) at = nullptr;
    return at;
  }
  // Replaces the value by next(value) in a compare-and-swap loop, and returns the value before.
  template <typename Next>
  T replace(Next next) const;
};

// ---- implementation ------------------------------------------------------------------------

template <typename T>
T value<T>::load() const {
  if (auto* at = word()) return at->load();
  return call<T>(detail::methods::value_get);
}

template <typename T>
void value<T>::store(const T& desired) const {
  if (auto* at = word()) return at->store(desired);
  call<void>(detail::methods::value_set, desired);
}

template <typename T>
T value<T>::exchange(const T& desired) const {
  if (auto* at = word()) return at->exchange(desired);
  return call<T>(detail::methods::value_exchange, desired);
}

template <typename T>
bool value<T>::compare_exchange_strong(T& expected, const T& desired) const {
  if constexpr (fits_word<T>) {
    if (auto* at = word()) return detail::compare_exchange(*at, expected, desired);
  }
  for (;;) {
    if (call<bool>(detail::methods::value_compare_and_set, expected, desired)) return true;
    T found = load();
    // If `found` equals `expected`, the value was changed and changed back in between: try again.
    const bool same = equal(pack(found), pack(expected));
    expected = std::move(found);
    if (!same) return false;
  }
}

template <typename T>
bool value<T>::compare_and_set(T expected, const T& desired) const {
  if constexpr (fits_word<T>) {
    if (auto* at = word()) return detail::compare_exchange(*at, expected, desired);
  }
  return call<bool>(detail::methods::value_compare_and_set, expected, desired);
}

template <typename T>
template <typename Next>
T value<T>::replace(Next next) const {
  T old = load();
  while (!compare_exchange_strong(old, next(old))) {
  }
  return old;
}

template <typename T>
T value<T>::add(T amount) const requires Number<T> {
  if (auto* at = word_for_sum()) return detail::sum(at->fetch_add(amount), amount);
  return call<T>(detail::methods::value_add, amount);
}

template <typename T>
T value<T>::subtract(T amount) const requires Number<T> {
  if (auto* at = word_for_sum()) return detail::difference(at->fetch_sub(amount), amount);
  return call<T>(detail::methods::value_add, detail::negated(amount));
}

template <typename T>
T value<T>::fetch_add(T amount) const requires Number<T> {
  if (auto* at = word_for_sum()) return at->fetch_add(amount);
  if constexpr (std::is_floating_point_v<T>) {
    return replace([amount](T old) { return old + amount; });
  } else {
    return detail::difference(add(amount), amount);
  }
}

template <typename T>
T value<T>::fetch_sub(T amount) const requires Number<T> {
  if (auto* at = word_for_sum()) return at->fetch_sub(amount);
  if constexpr (std::is_floating_point_v<T>) {
    return replace([amount](T old) { return old - amount; });
  } else {
    return detail::sum(subtract(amount), amount);
  }
}

}  // namespace agora
