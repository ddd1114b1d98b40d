// value<T>: one shared value, like std::atomic<T>, for any T.
#pragma once

#include <concepts>
#include <cstddef>
#include <ostream>
#include <string_view>
#include <type_traits>
#include <utility>

#include <agora/any_io.hpp>
#include <agora/detail/negated.hpp>
#include <agora/proxy.hpp>

#include "shared/value/any.hpp"

namespace agora {

/// Options of value and array; they count only if the factory's call makes the object.
struct number_options {
  /// Programs on the server's host change it without the server, at the speed of memory. False: it
  /// can be watched, and stand in transactions. Only numbers and bools can be local.
  bool local = true;
};

/// What a value<T> is on the server: `q` for a 64-bit integer, `d` for a double ..., else `any`.
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

/// Whether a T can lie in a word that this program and the server share.
template <typename T>
inline constexpr bool fits_word = std::is_arithmetic_v<T> && sizeof(T) <= 8 &&
                                  !std::is_same_v<T, long double>;

/// The server's code for what typecode_for says.
template <typename T>
constexpr char word_code() {
  const char code = typecode_for<T>().front();
  return code == 'q' ? 'l' : code == 'Q' ? 'L' : code;
}

/// Every operation is one atomic step on the server, except where it says that it loops. Integers
/// wrap round as in std::atomic if this program's factory made the object.
template <typename T = any>
class value : public proxy {
 public:
  using value_type = T;
  static constexpr bool number = std::is_arithmetic_v<T> && !std::is_same_v<T, bool>;

  /// From a manager's factory; see manager::value.
  explicit value(detail::Handle handle) : proxy(std::move(handle)) {}

  /// @throws type_error  what is stored is no T.
  T load() const {
    if (auto* word = here()) return word->load();
    return read<T>("value.get");
  }
  operator T() const { return load(); }  // NOLINT: implicit, as in std::atomic
  void store(const T& desired) const {
    if (auto* word = here()) return word->store(desired);
    change<void>("value.set", desired);
  }
  T operator=(const T& desired) const {  // NOLINT: as in std::atomic, and const as all operations
    store(desired);
    return desired;
  }
  /// @return the value before.
  T exchange(const T& desired) const {
    if (auto* word = here()) return word->exchange(desired);
    return change<T>("value.exchange", desired);
  }

  /// Stores `desired` if the value is `expected`; else puts the value found into `expected`.
  /// Values are equal as the server compares them: NaN equals NaN, 1 equals 1.0.
  bool compare_exchange_strong(T& expected, const T& desired) const;
  bool compare_exchange_weak(T& expected, const T& desired) const {
    return compare_exchange_strong(expected, desired);
  }

  /// Adds, and gives the value before. Of a float it loops until nobody came between, since the
  /// value before cannot be computed from a rounded sum; `+=` never loops.
  T fetch_add(T amount) const requires number;
  T fetch_sub(T amount) const requires number;
  /// Adds, and gives the new value.
  T operator+=(T amount) const requires number {
    if (auto* word = summing()) return detail::sum(word->fetch_add(amount), amount);
    return change<T>("value.add", amount);
  }
  T operator-=(T amount) const requires number {
    if (auto* word = summing()) return detail::difference(word->fetch_sub(amount), amount);
    return change<T>("value.add", detail::negated(amount));
  }
  T operator++() const requires number { return *this += T{1}; }
  T operator--() const requires number { return *this -= T{1}; }
  T operator++(int) const requires number { return fetch_add(T{1}); }
  T operator--(int) const requires number { return fetch_sub(T{1}); }

  /// Bit operations, as in std::atomic; they loop until nobody came between.
  T fetch_and(T bits) const requires Integer<T> {
    return replace([bits](T old) { return static_cast<T>(old & bits); });
  }
  T fetch_or(T bits) const requires Integer<T> {
    return replace([bits](T old) { return static_cast<T>(old | bits); });
  }
  T fetch_xor(T bits) const requires Integer<T> {
    return replace([bits](T old) { return static_cast<T>(old ^ bits); });
  }

  // The asynchronous forms: the last argument is a completion token, see async.hpp.

  template <typename Token>
  auto async_load(Token&& token) const {
    return async_read<T>("value.get", token);
  }
  template <typename Token>
  auto async_store(const T& desired, Token&& token) const {
    return async_change<void>("value.set", token, desired);
  }
  template <typename Token>
  auto async_exchange(const T& desired, Token&& token) const {
    return async_change<T>("value.exchange", token, desired);
  }
  /// Stores `desired` if the value is `expected`; whether it was.
  template <typename Token>
  auto async_compare_exchange(const T& expected, const T& desired, Token&& token) const {
    return async_change<bool>("value.compare_and_set", token, expected, desired);
  }
  /// Adds; the new value.
  template <typename Token>
  auto async_add(T amount, Token&& token) const requires number {
    return async_change<T>("value.add", token, amount);
  }
  template <typename Token>
  auto async_subtract(T amount, Token&& token) const requires number {
    return async_change<T>("value.add", token, detail::negated(amount));
  }

  // Numbers compare by the conversion above.
  friend bool operator==(const value& a, const T& b) requires(!std::is_arithmetic_v<T>) {
    return a.load() == b;
  }
  friend bool operator==(const value& a, const value& b) { return a.load() == b.load(); }

 private:
  // Where the value lies, if this may be touched now: see view.hpp.
  auto* here() const {
    if constexpr (fits_word<T>) {
      const detail::ObjectView* view = handle().view();
      if (view != nullptr && view->holds(detail::ObjectKind::value, word_code<T>()))
        return &view->word<T>();
      return static_cast<std::atomic<T>*>(nullptr);
    } else {
      return static_cast<detail::NoWord<T>*>(nullptr);
    }
  }
  // The same for sums: integers whose sums do not wrap are added to by the server, which refuses.
  auto* summing() const {
    auto* word = here();
    if (word != nullptr && Integer<T> && !handle().last_view()->wraps) word = nullptr;
    return word;
  }
  // Replaces the value by change(value) in one step, and gives the value before.
  template <typename Change>
  T replace(Change next) const {
    T old = load();
    while (!compare_exchange_strong(old, next(old))) {
    }
    return old;
  }
};

template <typename T>
bool value<T>::compare_exchange_strong(T& expected, const T& desired) const {
  if constexpr (fits_word<T>) {
    if (auto* word = here()) return detail::compare_exchange(*word, expected, desired);
  }
  for (;;) {
    if (change<bool>("value.compare_and_set", expected, desired)) return true;
    T found = load();
    // Found equal: it was changed back in between, so the exchange may succeed after all.
    const bool same = equal(pack(found), pack(expected));
    expected = std::move(found);
    if (!same) return false;
  }
}

template <typename T>
T value<T>::fetch_add(T amount) const requires number {
  if (auto* word = summing()) return word->fetch_add(amount);
  if constexpr (std::is_floating_point_v<T>) {
    return replace([amount](T old) { return old + amount; });
  } else {
    return detail::difference(*this += amount, amount);
  }
}

template <typename T>
T value<T>::fetch_sub(T amount) const requires number {
  if (auto* word = summing()) return word->fetch_sub(amount);
  if constexpr (std::is_floating_point_v<T>) {
    return replace([amount](T old) { return old - amount; });
  } else {
    return detail::sum(*this -= amount, amount);
  }
}

}  // namespace agora
