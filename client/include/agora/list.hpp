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
#include <agora/detail/lookup.hpp>
#include <agora/detail/negated.hpp>
#include <agora/element.hpp>
#include <agora/proxy.hpp>
#include <agora/snapshot.hpp>

#include "shared/value/any.hpp"

namespace agora {

/// Every operation is one atomic step on the server. A negative index counts from the end. An
/// index outside throws index_error; operations that read throw type_error for what is no T.
template <typename T = any>
class list : public proxy {
 public:
  using value_type = T;
  using index_type = std::int64_t;
  using reference_type = element<list, index_type, T>;
  using const_iterator = snapshot_iterator<T>;
  using Place = std::optional<index_type>;  ///< of a slice; empty: the end that its step leaves

  /// From a manager's factory; see manager::list.
  explicit list(detail::Handle handle) : proxy(std::move(handle)) {}

  reference_type operator[](index_type index) const { return {*this, index}; }
  T at(index_type index) const {
    if constexpr (std::is_default_constructible_v<T>) {
      T value{};
      if (detail::try_at(handle(), index, value) == detail::ReadResult::found) return value;
    }
    return take_at<T>("list.get", index, make("list.get", detail::Effect::reads, index));
  }
  T front() const { return at(0); }
  T back() const { return at(-1); }
  void assign(index_type index, const T& value) const { change<void>("list.set", index, value); }

  void push_back(const T& value) const { change<void>("list.append", value); }
  void push_front(const T& value) const { insert(0, value); }
  /// Takes the last one out. @throws index_error  the list is empty.
  T pop_back() const { return pop(-1); }
  T pop_front() const { return pop(0); }
  /// Takes one out.
  T pop(index_type index) const {
    return take_at<T>("list.pop", index, make("list.pop", detail::Effect::changes, index));
  }
  /// Puts the value before a place; an index beyond an end means that end.
  void insert(index_type index, const T& value) const { change<void>("list.insert", index, value); }
  void extend(const std::vector<T>& values) const { change<void>("list.extend", values); }
  void erase(index_type index) const { change<void>("list.delete", index); }
  /// Takes out the elements from `first` to before `last`.
  void erase(index_type first, index_type last) const { erase_slice(first, last, std::nullopt); }
  /// Takes out the first one equal to the value; false if there is none.
  bool remove(const T& value) const;
  void clear() const { change<void>("list.clear"); }

  /// Slices by Python's rules.
  /// @throws value_error  the step is 0, or the lengths differ with a step other than 1.
  std::vector<T> slice(Place start = {}, Place stop = {}, Place step = {}) const {
    return read<std::vector<T>>("list.slice", start, stop, step);
  }
  void set_slice(Place start, Place stop, Place step, const std::vector<T>& values) const {
    change<void>("list.set_slice", start, stop, step, values);
  }
  void erase_slice(Place start, Place stop, Place step) const {
    change<void>("list.delete_slice", start, stop, step);
  }

  /// The place of the first one equal to the value, or nothing.
  std::optional<std::size_t> index_of(const T& value) const;
  std::size_t count(const T& value) const { return read<std::size_t>("list.count", value); }
  bool contains(const T& value) const { return read<bool>("list.contains", value); }
  std::size_t size() const { return read_size(detail::ObjectKind::list, "list.len"); }
  bool empty() const { return size() == 0; }
  /// The whole content, read in one step.
  std::vector<T> copy() const { return read<std::vector<T>>("list.copy"); }

  void reverse() const { change<void>("list.reverse"); }
  /// @throws type_error  the elements cannot be compared.
  void sort(bool reverse = false) const { change<void>("list.sort", reverse); }
  /// Repeats the content in place, `times` times; 0 empties it.
  void repeat(std::int64_t times) const { change<void>("list.repeat", times); }

  /// Adds to a number in one step. @return the new value.
  T add(index_type index, const T& amount) const {
    return take_at<T>("list.add", index, make("list.add", detail::Effect::changes, index, amount));
  }
  T subtract(index_type index, T amount) const requires std::is_arithmetic_v<T> {
    return take_at<T>("list.add", index,
                      make("list.add", detail::Effect::changes, index, detail::negated(amount)));
  }
  /// Sets the element only if it has the expected value.
  bool compare_and_set(index_type index, const T& expected, const T& value) const {
    return change<bool>("list.compare_and_set", index, expected, value);
  }

  /// Range-for walks a copy of the whole content, taken in one step at begin().
  const_iterator begin() const { return const_iterator(copy()); }
  std::default_sentinel_t end() const { return {}; }

  // The asynchronous forms: the last argument is a completion token, see async.hpp.

  template <typename Token>
  auto async_at(index_type index, Token&& token) const {
    return async_make<T>("list.get", detail::Effect::reads, taker_at<T>("list.get", index), token,
                         index);
  }
  template <typename Token>
  auto async_assign(index_type index, const T& value, Token&& token) const {
    return async_change<void>("list.set", token, index, value);
  }
  template <typename Token>
  auto async_push_back(const T& value, Token&& token) const {
    return async_change<void>("list.append", token, value);
  }
  template <typename Token>
  auto async_push_front(const T& value, Token&& token) const {
    return async_insert(0, value, token);
  }
  template <typename Token>
  auto async_pop(index_type index, Token&& token) const {
    return async_make<T>("list.pop", detail::Effect::changes, taker_at<T>("list.pop", index), token,
                         index);
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
  auto async_insert(index_type index, const T& value, Token&& token) const {
    return async_change<void>("list.insert", token, index, value);
  }
  template <typename Token>
  auto async_extend(const std::vector<T>& values, Token&& token) const {
    return async_change<void>("list.extend", token, values);
  }
  template <typename Token>
  auto async_erase(index_type index, Token&& token) const {
    return async_change<void>("list.delete", token, index);
  }
  template <typename Token>
  auto async_remove(const T& value, Token&& token) const {
    return async_make<bool>(
        "list.remove", detail::Effect::changes,
        [l = *this](detail::Reply reply) { return l.removed(std::move(reply)); }, token, value);
  }
  template <typename Token>
  auto async_clear(Token&& token) const {
    return async_change<void>("list.clear", token);
  }
  template <typename Token>
  auto async_slice(Place start, Place stop, Place step, Token&& token) const {
    return async_read<std::vector<T>>("list.slice", token, start, stop, step);
  }
  template <typename Token>
  auto async_set_slice(Place start, Place stop, Place step, const std::vector<T>& values,
                       Token&& token) const {
    return async_change<void>("list.set_slice", token, start, stop, step, values);
  }
  template <typename Token>
  auto async_erase_slice(Place start, Place stop, Place step, Token&& token) const {
    return async_change<void>("list.delete_slice", token, start, stop, step);
  }
  template <typename Token>
  auto async_index_of(const T& value, Token&& token) const {
    return async_make<std::optional<std::size_t>>(
        "list.index", detail::Effect::reads,
        [l = *this](detail::Reply reply) { return l.place_in(std::move(reply)); }, token, value);
  }
  template <typename Token>
  auto async_count(const T& value, Token&& token) const {
    return async_read<std::size_t>("list.count", token, value);
  }
  template <typename Token>
  auto async_contains(const T& value, Token&& token) const {
    return async_read<bool>("list.contains", token, value);
  }
  template <typename Token>
  auto async_size(Token&& token) const {
    return async_read<std::size_t>("list.len", token);
  }
  template <typename Token>
  auto async_copy(Token&& token) const {
    return async_read<std::vector<T>>("list.copy", token);
  }
  template <typename Token>
  auto async_reverse(Token&& token) const {
    return async_change<void>("list.reverse", token);
  }
  template <typename Token>
  auto async_sort(bool reverse, Token&& token) const {
    return async_change<void>("list.sort", token, reverse);
  }
  template <typename Token>
  auto async_repeat(std::int64_t times, Token&& token) const {
    return async_change<void>("list.repeat", token, times);
  }
  template <typename Token>
  auto async_add(index_type index, const T& amount, Token&& token) const {
    return async_make<T>("list.add", detail::Effect::changes, taker_at<T>("list.add", index), token,
                         index, amount);
  }
  template <typename Token>
  auto async_subtract(index_type index, T amount,
                      Token&& token) const requires std::is_arithmetic_v<T> {
    return async_make<T>("list.add", detail::Effect::changes, taker_at<T>("list.add", index), token,
                         index, detail::negated(amount));
  }
  template <typename Token>
  auto async_compare_and_set(index_type index, const T& expected, const T& value,
                             Token&& token) const {
    return async_change<bool>("list.compare_and_set", token, index, expected, value);
  }

 private:
  bool removed(detail::Reply reply) const {
    if (reply) return true;
    if (reply.error().code == Errc::value_error) return false;
    throw_error(std::move(reply.error()));
  }
  std::optional<std::size_t> place_in(detail::Reply reply) const {
    if (!reply && reply.error().code == Errc::value_error) return std::nullopt;
    return take<std::size_t>("list.index", std::move(reply));
  }
};

template <typename T>
bool list<T>::remove(const T& value) const {
  return removed(make("list.remove", detail::Effect::changes, value));
}

template <typename T>
std::optional<std::size_t> list<T>::index_of(const T& value) const {
  return place_in(make("list.index", detail::Effect::reads, value));
}

}  // namespace agora
