// SPDX-License-Identifier: MIT

// list<T>: a shared sequence, like std::vector; O(1) at both ends.
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
#include <agora/detail/lookup.hpp>
#include <agora/detail/negated.hpp>
#include <agora/element.hpp>
#include <agora/proxy.hpp>
#include <agora/snapshot.hpp>

#include "shared/value/any.hpp"

namespace agora {

/// Every operation is one atomic step on the server. A negative index counts from the end. An index
/// beyond either end throws index_error. Operations that read throw type_error for an element that
/// is no T.
///
/// @code
/// auto log = m.list<std::string>("log");
/// log.push_back("started");
/// log[-1] = "running";
/// for (const std::string& line : log) use(line);
/// @endcode
template <typename T = any>
class list : public proxy {
 public:
  using value_type = T;
  using index_type = std::int64_t;
  using reference_type = element<list, index_type, T>;
  using const_iterator = snapshot_iterator<T>;
  /// A bound or step of a slice; nullopt means the default for the direction of the step.
  using slice_index = std::optional<index_type>;
  using Place AGORA_DEPRECATED("use slice_index") = slice_index;

  /// Called by a manager's factory; see manager::list.
  explicit list(detail::ObjectHandle handle) : proxy(std::move(handle)) {}

  // ---- reading

  reference_type operator[](index_type index) const { return {*this, index}; }
  T at(index_type index) const;
  T front() const { return at(0); }
  T back() const { return at(-1); }
  /// Slices by Python's rules. @throws value_error  the step is 0.
  std::vector<T> slice(slice_index start = {}, slice_index stop = {}, slice_index step = {}) const {
    return call<std::vector<T>>(detail::methods::list_slice, start, stop, step);
  }
  /// Returns the index of the first element equal to the value, or nullopt.
  std::optional<std::size_t> index_of(const T& value) const {
    return call_or_nullopt<std::size_t>(detail::methods::list_index, Errc::value_error, value);
  }
  std::size_t count(const T& value) const {
    return call<std::size_t>(detail::methods::list_count, value);
  }
  bool contains(const T& value) const { return call<bool>(detail::methods::list_contains, value); }
  std::size_t size() const;
  bool empty() const { return size() == 0; }
  /// Returns the whole content, read in one step.
  std::vector<T> copy() const { return call<std::vector<T>>(detail::methods::list_copy); }
  /// Range-for walks a copy of the whole content, taken in one step at begin().
  const_iterator begin() const { return const_iterator(copy()); }
  std::default_sentinel_t end() const { return {}; }

  // ---- writing

  void assign(index_type index, const T& value) const {
    call<void>(detail::methods::list_set, index, value);
  }
  void push_back(const T& value) const { call<void>(detail::methods::list_append, value); }
  void push_front(const T& value) const { insert(0, value); }
  /// Inserts the value before an index; an index beyond an end means that end.
  void insert(index_type index, const T& value) const {
    call<void>(detail::methods::list_insert, index, value);
  }
  void extend(const std::vector<T>& values) const {
    call<void>(detail::methods::list_extend, values);
  }
  /// Removes and returns the last element. @throws index_error  the list is empty.
  T pop_back() const { return pop(-1); }
  /// Removes and returns the first element. @throws index_error  the list is empty.
  T pop_front() const { return pop(0); }
  /// Removes and returns an element.
  T pop(index_type index) const { return call_at<T>(detail::methods::list_pop, index); }
  void erase(index_type index) const { call<void>(detail::methods::list_delete, index); }
  /// Removes the elements from `first` to before `last`.
  void erase(index_type first, index_type last) const { erase_slice(first, last, std::nullopt); }
  /// Removes the first element equal to the value; returns false if there is none.
  bool remove(const T& value) const {
    return call_succeeds(detail::methods::list_remove, Errc::value_error, value);
  }
  void clear() const { call<void>(detail::methods::list_clear); }

  /// @throws value_error  the step is 0, or the lengths differ with a step other than 1.
  void set_slice(slice_index start, slice_index stop, slice_index step,
                 const std::vector<T>& values) const {
    call<void>(detail::methods::list_set_slice, start, stop, step, values);
  }
  /// @throws value_error  the step is 0.
  void erase_slice(slice_index start, slice_index stop, slice_index step) const {
    call<void>(detail::methods::list_delete_slice, start, stop, step);
  }

  void reverse() const { call<void>(detail::methods::list_reverse); }
  /// @throws type_error  the elements cannot be compared.
  void sort(bool reverse = false) const { call<void>(detail::methods::list_sort, reverse); }
  /// Repeats the content in place, `times` times; 0 empties it.
  void repeat(std::int64_t times) const { call<void>(detail::methods::list_repeat, times); }

  /// Adds to a number in one step. Returns the new value.
  T add(index_type index, const T& amount) const {
    return call_at<T>(detail::methods::list_add, index, amount);
  }
  /// Subtracts from a number in one step. Returns the new value.
  T subtract(index_type index, T amount) const requires std::is_arithmetic_v<T> {
    return call_at<T>(detail::methods::list_add, index, detail::negated(amount));
  }
  /// Sets the element only if it has the expected value.
  bool compare_and_set(index_type index, const T& expected, const T& value) const {
    return call<bool>(detail::methods::list_compare_and_set, index, expected, value);
  }

  // ---- asynchronous forms: the last argument is a completion token, see async.hpp

  template <typename Token>
  auto async_at(index_type index, Token&& token) const {
    return async_call_at<T>(detail::methods::list_get, index, token);
  }
  template <typename Token>
  auto async_slice(slice_index start, slice_index stop, slice_index step, Token&& token) const {
    return async_call<std::vector<T>>(detail::methods::list_slice, token, start, stop, step);
  }
  template <typename Token>
  auto async_index_of(const T& value, Token&& token) const {
    return async_call_or_nullopt<std::size_t>(detail::methods::list_index, Errc::value_error, token,
                                              value);
  }
  template <typename Token>
  auto async_count(const T& value, Token&& token) const {
    return async_call<std::size_t>(detail::methods::list_count, token, value);
  }
  template <typename Token>
  auto async_contains(const T& value, Token&& token) const {
    return async_call<bool>(detail::methods::list_contains, token, value);
  }
  template <typename Token>
  auto async_size(Token&& token) const {
    return async_call<std::size_t>(detail::methods::list_len, token);
  }
  template <typename Token>
  auto async_copy(Token&& token) const {
    return async_call<std::vector<T>>(detail::methods::list_copy, token);
  }
  template <typename Token>
  auto async_assign(index_type index, const T& value, Token&& token) const {
    return async_call<void>(detail::methods::list_set, token, index, value);
  }
  template <typename Token>
  auto async_push_back(const T& value, Token&& token) const {
    return async_call<void>(detail::methods::list_append, token, value);
  }
  template <typename Token>
  auto async_push_front(const T& value, Token&& token) const {
    return async_insert(0, value, token);
  }
  template <typename Token>
  auto async_insert(index_type index, const T& value, Token&& token) const {
    return async_call<void>(detail::methods::list_insert, token, index, value);
  }
  template <typename Token>
  auto async_extend(const std::vector<T>& values, Token&& token) const {
    return async_call<void>(detail::methods::list_extend, token, values);
  }
  template <typename Token>
  auto async_pop(index_type index, Token&& token) const {
    return async_call_at<T>(detail::methods::list_pop, index, token);
  }
  template <typename Token>
  auto async_pop_back(Token&& token) const {
    return async_pop(-1, token);
  }
  template <typename Token>
  auto async_pop_front(Token&& token) const {
    return async_pop(0, token);
  }
  template <typename Token>
  auto async_erase(index_type index, Token&& token) const {
    return async_call<void>(detail::methods::list_delete, token, index);
  }
  template <typename Token>
  auto async_erase(index_type first, index_type last, Token&& token) const {
    return async_erase_slice(first, last, std::nullopt, token);
  }
  template <typename Token>
  auto async_remove(const T& value, Token&& token) const {
    return async_call_succeeds(detail::methods::list_remove, Errc::value_error, token, value);
  }
  template <typename Token>
  auto async_clear(Token&& token) const {
    return async_call<void>(detail::methods::list_clear, token);
  }
  template <typename Token>
  auto async_set_slice(slice_index start, slice_index stop, slice_index step,
                       const std::vector<T>& values, Token&& token) const {
    return async_call<void>(detail::methods::list_set_slice, token, start, stop, step, values);
  }
  template <typename Token>
  auto async_erase_slice(slice_index start, slice_index stop, slice_index step,
                         Token&& token) const {
    return async_call<void>(detail::methods::list_delete_slice, token, start, stop, step);
  }
  template <typename Token>
  auto async_reverse(Token&& token) const {
    return async_call<void>(detail::methods::list_reverse, token);
  }
  template <typename Token>
  auto async_sort(bool reverse, Token&& token) const {
    return async_call<void>(detail::methods::list_sort, token, reverse);
  }
  template <typename Token>
  auto async_repeat(std::int64_t times, Token&& token) const {
    return async_call<void>(detail::methods::list_repeat, token, times);
  }
  template <typename Token>
  auto async_add(index_type index, const T& amount, Token&& token) const {
    return async_call_at<T>(detail::methods::list_add, index, token, amount);
  }
  template <typename Token>
  auto async_subtract(index_type index, T amount,
                      Token&& token) const requires std::is_arithmetic_v<T> {
    return async_call_at<T>(detail::methods::list_add, index, token, detail::negated(amount));
  }
  template <typename Token>
  auto async_compare_and_set(index_type index, const T& expected, const T& value,
                             Token&& token) const {
    return async_call<bool>(detail::methods::list_compare_and_set, token, index, expected, value);
  }
};

// ---- implementation ------------------------------------------------------------------------

template <typename T>
T list<T>::at(index_type index) const {
  if constexpr (std::is_default_constructible_v<T>) {
    T value{};
    if (detail::try_at(handle(), index, value) == detail::ReadResult::found) return value;
  }
  return call_at<T>(detail::methods::list_get, index);
}

template <typename T>
std::size_t list<T>::size() const {
  return read_size(detail::ObjectKind::list, detail::methods::list_len);
}

}  // namespace agora
