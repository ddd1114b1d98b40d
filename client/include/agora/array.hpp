// array<T>: a fixed number of shared numbers, like a span of std::atomic<T>.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include <agora/any_io.hpp>
#include <agora/detail/negated.hpp>
#include <agora/element.hpp>
#include <agora/proxy.hpp>
#include <agora/snapshot.hpp>
#include <agora/value.hpp>

namespace agora {

/// Every operation is one atomic step on the server. A negative index counts from the end; one
/// outside throws index_error. Integers wrap round as in std::atomic if this program's factory
/// made the object.
template <typename T>
requires std::is_arithmetic_v<T>
class array : public proxy {
 public:
  using value_type = T;
  using index_type = std::int64_t;
  using reference_type = element<array, index_type, T>;
  using const_iterator = snapshot_iterator<T>;
  using Place = std::optional<index_type>;  ///< of a slice; empty: the end that its step leaves
  static constexpr bool number = !std::is_same_v<T, bool>;

  /// From a manager's factory; see manager::array.
  explicit array(detail::Handle handle) : proxy(std::move(handle)) {}

  reference_type operator[](index_type index) const { return {*this, index}; }
  /// @throws type_error  what is stored is no T.
  T load(index_type index) const {
    if (auto* word = here(index)) return word->load();
    return take_at<T>("array.get", index, make("array.get", detail::Effect::reads, index));
  }
  T at(index_type index) const { return load(index); }
  void store(index_type index, T desired) const {
    if (auto* word = here(index)) return word->store(desired);
    change<void>("array.set", index, desired);
  }
  void assign(index_type index, T desired) const { store(index, desired); }
  std::size_t size() const { return read_size(detail::ObjectKind::array, "array.len"); }
  bool empty() const { return size() == 0; }

  /// Adds in one step. @return the new value.
  T add(index_type index, T amount) const requires number {
    if (auto* word = summing(index)) return detail::sum(word->fetch_add(amount), amount);
    return add_any(index, any(amount));
  }
  T subtract(index_type index, T amount) const requires number {
    if (auto* word = summing(index)) return detail::difference(word->fetch_sub(amount), amount);
    return add_any(index, detail::negated(amount));
  }
  /// Adds, and gives the value before.
  T fetch_add(index_type index, T amount) const requires std::is_integral_v<T> && number {
    return detail::difference(add(index, amount), amount);
  }
  T fetch_sub(index_type index, T amount) const requires std::is_integral_v<T> && number {
    return detail::sum(subtract(index, amount), amount);
  }

  /// Stores `desired` if the element is `expected`; else puts what was found into `expected`.
  bool compare_exchange(index_type index, T& expected, T desired) const;
  /// Sets the element only if it has the expected value.
  bool compare_and_set(index_type index, T expected, T desired) const {
    if (auto* word = here(index)) return detail::compare_exchange(*word, expected, desired);
    return change<bool>("array.compare_and_set", index, expected, desired);
  }
  /// Sets all elements.
  void fill(T desired) const { change<void>("array.fill", desired); }

  /// Slices by Python's rules.
  std::vector<T> slice(Place start = {}, Place stop = {}, Place step = {}) const {
    return read<std::vector<T>>("array.slice", start, stop, step);
  }
  /// @throws value_error  the lengths differ: an array's never changes.
  void set_slice(Place start, Place stop, Place step, const std::vector<T>& values) const {
    change<void>("array.set_slice", start, stop, step, values);
  }
  /// The whole content, read in one step.
  std::vector<T> copy() const { return slice(); }

  /// Range-for walks a copy of the whole content, taken in one step at begin().
  const_iterator begin() const { return const_iterator(copy()); }
  std::default_sentinel_t end() const { return {}; }

  // The asynchronous forms: the last argument is a completion token, see async.hpp.

  template <typename Token>
  auto async_load(index_type index, Token&& token) const {
    return async_make<T>("array.get", detail::Effect::reads, taker_at<T>("array.get", index), token,
                         index);
  }
  template <typename Token>
  auto async_store(index_type index, T desired, Token&& token) const {
    return async_change<void>("array.set", token, index, desired);
  }
  template <typename Token>
  auto async_size(Token&& token) const {
    return async_read<std::size_t>("array.len", token);
  }
  template <typename Token>
  auto async_add(index_type index, T amount, Token&& token) const requires number {
    return async_change<T>("array.add", token, index, amount);
  }
  template <typename Token>
  auto async_subtract(index_type index, T amount, Token&& token) const requires number {
    return async_change<T>("array.add", token, index, detail::negated(amount));
  }
  template <typename Token>
  auto async_compare_and_set(index_type index, T expected, T desired, Token&& token) const {
    return async_change<bool>("array.compare_and_set", token, index, expected, desired);
  }
  template <typename Token>
  auto async_fill(T desired, Token&& token) const {
    return async_change<void>("array.fill", token, desired);
  }
  template <typename Token>
  auto async_slice(Place start, Place stop, Place step, Token&& token) const {
    return async_read<std::vector<T>>("array.slice", token, start, stop, step);
  }
  template <typename Token>
  auto async_set_slice(Place start, Place stop, Place step, const std::vector<T>& values,
                       Token&& token) const {
    return async_change<void>("array.set_slice", token, start, stop, step, values);
  }

 private:
  T add_any(index_type index, const any& amount) const {
    return take_at<T>("array.add", index,
                      make("array.add", detail::Effect::changes, index, amount));
  }
  // Where an element lies, if it may be touched now: see view.hpp. A wrong index is the server's
  // to refuse.
  std::atomic<T>* here(index_type index) const {
    const detail::ObjectView* view = handle().view();
    if (view == nullptr || !view->holds(detail::ObjectKind::array, word_code<T>())) return nullptr;
    const auto count = static_cast<index_type>(view->count);
    if (index < 0) index += count;
    return index >= 0 && index < count ? &view->word<T>(static_cast<std::size_t>(index)) : nullptr;
  }
  // The same for sums: integers whose sums do not wrap are added to by the server, which refuses.
  std::atomic<T>* summing(index_type index) const {
    std::atomic<T>* const word = here(index);
    return std::is_integral_v<T> && word != nullptr && !handle().last_view()->wraps ? nullptr
                                                                                    : word;
  }
};

template <typename T>
requires std::is_arithmetic_v<T>
bool array<T>::compare_exchange(index_type index, T& expected, T desired) const {
  if (auto* word = here(index)) return detail::compare_exchange(*word, expected, desired);
  for (;;) {
    if (compare_and_set(index, expected, desired)) return true;
    const T found = load(index);
    // Found equal: it was changed back in between, so the exchange may succeed after all.
    const bool same = equal(pack(found), pack(expected));
    expected = found;
    if (!same) return false;
  }
}

}  // namespace agora
