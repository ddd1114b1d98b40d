// SPDX-License-Identifier: MIT

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
#include <agora/deprecated.hpp>
#include <agora/detail/negated.hpp>
#include <agora/element.hpp>
#include <agora/proxy.hpp>
#include <agora/snapshot.hpp>
#include <agora/value.hpp>

namespace agora {

/// Every operation is one atomic step. A negative index counts from the end; an index beyond either
/// end throws index_error. Integers wrap round as in std::atomic if this program's factory made the
/// object. Only the server's memory cap bounds the size. One call reads or writes at most 1 M
/// elements and 64 MiB; larger content goes in several steps, by slices.
///
/// @code
/// auto hits = m.array<std::int64_t>("hits per hour", 24);
/// hits[hour] += 1;
/// @endcode
template <Arithmetic T>
class array : public proxy {
 public:
  using value_type = T;
  using index_type = std::int64_t;
  using reference_type = element<array, index_type, T>;
  using const_iterator = snapshot_iterator<T>;
  /// A bound or step of a slice; nullopt means the default for the direction of the step.
  using slice_index = std::optional<index_type>;
  /// The elements of one step, where a whole array is too large for one.
  static constexpr index_type kStepElements = 65'536;
  using Place AGORA_DEPRECATED("use slice_index") = slice_index;

  /// Called by a manager's factory; see manager::array.
  explicit array(detail::ObjectHandle handle) : proxy(std::move(handle)) {}

  // ---- reading

  reference_type operator[](index_type index) const { return {*this, index}; }
  /// @throws type_error  the stored element is no T.
  T load(index_type index) const;
  T at(index_type index) const { return load(index); }
  std::size_t size() const;
  bool empty() const { return size() == 0; }
  /// Slices by Python's rules. @throws value_error  the step is 0.
  /// @throws too_large  the slice has more than 1 M elements or 64 MiB.
  std::vector<T> slice(slice_index start = {}, slice_index stop = {}, slice_index step = {}) const {
    return call<std::vector<T>>(detail::methods::array_slice, start, stop, step);
  }
  /// Returns the whole content, read in one step; of an array that is too large for a slice, in
  /// several steps, between which other programs may change it.
  std::vector<T> copy() const;
  /// Range-for walks a copy of the whole content, taken at begin() as by copy().
  const_iterator begin() const { return const_iterator(copy()); }
  std::default_sentinel_t end() const { return {}; }

  // ---- writing

  void store(index_type index, T desired) const;
  void assign(index_type index, T desired) const { store(index, desired); }
  /// Sets all elements, in one step; over 64 MiB in several steps, between which other programs may
  /// read and change it.
  void fill(T desired) const;
  /// @throws value_error  the lengths differ: the length of an array never changes.
  /// @throws too_large    there are more than 1 M values or 64 MiB.
  void set_slice(slice_index start, slice_index stop, slice_index step,
                 const std::vector<T>& values) const {
    call<void>(detail::methods::array_set_slice, start, stop, step, values);
  }

  /// Adds, and returns the new value.
  T add(index_type index, T amount) const requires Number<T>;
  T subtract(index_type index, T amount) const requires Number<T>;
  /// Adds, and returns the value before.
  T fetch_add(index_type index, T amount) const requires std::is_integral_v<T> && Number<T> {
    return detail::difference(add(index, amount), amount);
  }
  T fetch_sub(index_type index, T amount) const requires std::is_integral_v<T> && Number<T> {
    return detail::sum(subtract(index, amount), amount);
  }
  /// Stores `desired` if the element is `expected`; else stores the present value in `expected`.
  bool compare_exchange(index_type index, T& expected, T desired) const;
  /// Sets the element only if it has the expected value.
  bool compare_and_set(index_type index, T expected, T desired) const;

  // ---- asynchronous forms: the last argument is a completion token, see async.hpp

  template <typename Token>
  auto async_load(index_type index, Token&& token) const {
    return async_call_at<T>(detail::methods::array_get, index, token);
  }
  template <typename Token>
  auto async_size(Token&& token) const {
    return async_call<std::size_t>(detail::methods::array_len, token);
  }
  template <typename Token>
  auto async_slice(slice_index start, slice_index stop, slice_index step, Token&& token) const {
    return async_call<std::vector<T>>(detail::methods::array_slice, token, start, stop, step);
  }
  /// In one step always. @throws too_large  the array has more than 1 M elements or 64 MiB.
  template <typename Token>
  auto async_copy(Token&& token) const {
    return async_slice({}, {}, {}, token);
  }
  template <typename Token>
  auto async_store(index_type index, T desired, Token&& token) const {
    return async_call<void>(detail::methods::array_set, token, index, desired);
  }
  /// In one step always. @throws too_large  the array has more than 64 MiB.
  template <typename Token>
  auto async_fill(T desired, Token&& token) const {
    return async_call<void>(detail::methods::array_fill, token, desired);
  }
  template <typename Token>
  auto async_set_slice(slice_index start, slice_index stop, slice_index step,
                       const std::vector<T>& values, Token&& token) const {
    return async_call<void>(detail::methods::array_set_slice, token, start, stop, step, values);
  }
  template <typename Token>
  auto async_add(index_type index, T amount, Token&& token) const requires Number<T> {
    return async_call_at<T>(detail::methods::array_add, index, token, amount);
  }
  template <typename Token>
  auto async_subtract(index_type index, T amount, Token&& token) const requires Number<T> {
    return async_call_at<T>(detail::methods::array_add, index, token, detail::negated(amount));
  }
  template <typename Token>
  auto async_compare_and_set(index_type index, T expected, T desired, Token&& token) const {
    return async_call<bool>(detail::methods::array_compare_and_set, token, index, expected,
                            desired);
  }

 private:
  // Returns the element's word in shared memory for the fast path, or null if the call must be
  // made. Also null for an index beyond the end: the call then throws index_error.
  std::atomic<T>* word(index_type index) const;
  // As word(), for sums. Integers whose sums do not wrap are left to the server, which refuses an
  // overflow.
  std::atomic<T>* word_for_sum(index_type index) const;
};

// ---- implementation ------------------------------------------------------------------------

template <Arithmetic T>
std::atomic<T>* array<T>::word(index_type index) const {
  const detail::ObjectView* view = handle().view();
  if (view == nullptr || !view->holds(detail::ObjectKind::array, word_code<T>())) return nullptr;
  const auto count = static_cast<index_type>(view->count);
  if (index < 0) index += count;
  if (index < 0 || index >= count) return nullptr;
  return &view->template word<T>(static_cast<std::size_t>(index));
}

template <Arithmetic T>
std::atomic<T>* array<T>::word_for_sum(index_type index) const {
  std::atomic<T>* const at = word(index);
  return std::is_integral_v<T> && at != nullptr && !handle().last_view()->wraps ? nullptr : at;
}

template <Arithmetic T>
T array<T>::load(index_type index) const {
  if (auto* at = word(index)) return at->load();
  return call_at<T>(detail::methods::array_get, index);
}

template <Arithmetic T>
void array<T>::store(index_type index, T desired) const {
  if (auto* at = word(index)) return at->store(desired);
  call<void>(detail::methods::array_set, index, desired);
}

template <Arithmetic T>
std::size_t array<T>::size() const {
  return read_size(detail::ObjectKind::array, detail::methods::array_len);
}

template <Arithmetic T>
std::vector<T> array<T>::copy() const {
  constexpr slice_index kAll{};
  auto all = call_or_nullopt<std::vector<T>>(detail::methods::array_slice, Errc::too_large, kAll,
                                             kAll, kAll);
  if (all) return std::move(*all);
  const auto count = static_cast<index_type>(size());
  std::vector<T> parts;
  parts.reserve(static_cast<std::size_t>(count));
  for (index_type at = 0; at < count; at += kStepElements) {
    const std::vector<T> part = slice(at, at + kStepElements);
    parts.insert(parts.end(), part.begin(), part.end());
  }
  return parts;
}

template <Arithmetic T>
void array<T>::fill(T desired) const {
  if (call_succeeds(detail::methods::array_fill, Errc::too_large, desired)) return;
  const auto count = static_cast<index_type>(size());
  std::vector<T> part(static_cast<std::size_t>(kStepElements), desired);
  for (index_type at = 0; at < count; at += kStepElements) {
    if (count - at < kStepElements) part.resize(static_cast<std::size_t>(count - at));
    set_slice(at, at + kStepElements, {}, part);
  }
}

template <Arithmetic T>
T array<T>::add(index_type index, T amount) const requires Number<T> {
  if (auto* at = word_for_sum(index)) return detail::sum(at->fetch_add(amount), amount);
  return call_at<T>(detail::methods::array_add, index, amount);
}

template <Arithmetic T>
T array<T>::subtract(index_type index, T amount) const requires Number<T> {
  if (auto* at = word_for_sum(index)) return detail::difference(at->fetch_sub(amount), amount);
  return call_at<T>(detail::methods::array_add, index, detail::negated(amount));
}

template <Arithmetic T>
bool array<T>::compare_and_set(index_type index, T expected, T desired) const {
  if (auto* at = word(index)) return detail::compare_exchange(*at, expected, desired);
  return call<bool>(detail::methods::array_compare_and_set, index, expected, desired);
}

template <Arithmetic T>
bool array<T>::compare_exchange(index_type index, T& expected, T desired) const {
  if (auto* at = word(index)) return detail::compare_exchange(*at, expected, desired);
  for (;;) {
    if (compare_and_set(index, expected, desired)) return true;
    const T found = load(index);
    // If `found` equals `expected`, the element was changed and changed back in between: try again.
    const bool same = equal(pack(found), pack(expected));
    expected = found;
    if (!same) return false;
  }
}

}  // namespace agora
