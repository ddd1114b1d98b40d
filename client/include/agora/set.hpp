// SPDX-License-Identifier: MIT

// set<T>: a shared set of values, like std::unordered_set.
#pragma once

#include <cstddef>
#include <functional>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include <agora/any_io.hpp>
#include <agora/deprecated.hpp>
#include <agora/detail/lookup.hpp>
#include <agora/proxy.hpp>
#include <agora/snapshot.hpp>
#include <agora/subscription.hpp>

#include "shared/value/any.hpp"

namespace agora {

/// Every operation is one atomic step on the server. Members are compared as values, so 1 equals
/// 1.0. A value that cannot be a key, such as a map, throws type_error; so does reading a member
/// that is no T. `other` in the operations of set algebra is a range of values, or another shared
/// set of the same manager.
///
/// @code
/// auto online = m.set<std::string>("online");
/// if (online.insert("ann")) greet("ann");
/// auto both = online.intersection_with(m.set<std::string>("admins"));
/// @endcode
template <typename T = any>
class set : public proxy {
 public:
  using value_type = T;
  using const_iterator = snapshot_iterator<T>;
  using Values AGORA_DEPRECATED("use std::vector<T>") = std::vector<T>;

  /// Called by a manager's factory; see manager::set.
  explicit set(detail::ObjectHandle handle) : proxy(std::move(handle)) {}

  // ---- reading

  bool contains(const T& value) const;
  std::size_t size() const;
  bool empty() const { return size() == 0; }
  /// Returns the whole content, read in one step.
  std::vector<T> items() const { return call<std::vector<T>>(detail::methods::set_items); }
  /// Range-for walks a copy of the whole content, taken in one step at begin().
  const_iterator begin() const { return const_iterator(items()); }
  std::default_sentinel_t end() const { return {}; }

  // ---- writing

  /// Returns true if the value is new.
  bool insert(const T& value) const { return call<bool>(detail::methods::set_add, value); }
  /// Returns 1 if the value was there, else 0.
  std::size_t erase(const T& value) const {
    return call<bool>(detail::methods::set_discard, value) ? 1 : 0;
  }
  /// Removes the value. @throws key_error  it is not there.
  void remove(const T& value) const { call<void>(detail::methods::set_remove, value); }
  /// Removes and returns an arbitrary value. @throws key_error  the set is empty.
  T pop() const { return call<T>(detail::methods::set_pop); }
  void clear() const { call<void>(detail::methods::set_clear); }
  /// Inserts all of them.
  template <Encodable Other = std::vector<T>>
  void update(const Other& other) const {
    call<void>(detail::methods::set_update, other);
  }

  // ---- watching

  using proxy::watch;
  /// Calls `callback` whenever that value is added or removed later by any session, in order; see
  /// subscription.hpp. @throws type_error  the value cannot be a member.
  subscription watch(const T& value, std::function<void(const object_change&)> callback) const {
    return subscription::begin_key(handle(), pack(value), std::move(callback));
  }

  // ---- set algebra: the result is a plain copy

  template <Encodable Other = std::vector<T>>
  std::vector<T> union_with(const Other& other) const {
    return call<std::vector<T>>(detail::methods::set_union, other);
  }
  template <Encodable Other = std::vector<T>>
  std::vector<T> intersection_with(const Other& other) const {
    return call<std::vector<T>>(detail::methods::set_intersection, other);
  }
  template <Encodable Other = std::vector<T>>
  std::vector<T> difference_with(const Other& other) const {
    return call<std::vector<T>>(detail::methods::set_difference, other);
  }
  template <Encodable Other = std::vector<T>>
  std::vector<T> symmetric_difference_with(const Other& other) const {
    return call<std::vector<T>>(detail::methods::set_symmetric_difference, other);
  }
  template <Encodable Other = std::vector<T>>
  bool is_subset_of(const Other& other) const {
    return call<bool>(detail::methods::set_is_subset, other);
  }
  template <Encodable Other = std::vector<T>>
  bool is_superset_of(const Other& other) const {
    return call<bool>(detail::methods::set_is_superset, other);
  }
  template <Encodable Other = std::vector<T>>
  bool is_disjoint_from(const Other& other) const {
    return call<bool>(detail::methods::set_is_disjoint, other);
  }

  // ---- set algebra in place: the result is this set's new content

  template <Encodable Other = std::vector<T>>
  void intersection_update(const Other& other) const {
    call<void>(detail::methods::set_intersection_update, other);
  }
  template <Encodable Other = std::vector<T>>
  void difference_update(const Other& other) const {
    call<void>(detail::methods::set_difference_update, other);
  }
  template <Encodable Other = std::vector<T>>
  void symmetric_difference_update(const Other& other) const {
    call<void>(detail::methods::set_symmetric_difference_update, other);
  }

  // ---- asynchronous forms: the last argument is a completion token, see async.hpp

  template <typename Token>
  auto async_contains(const T& value, Token&& token) const {
    return async_call<bool>(detail::methods::set_contains, token, value);
  }
  template <typename Token>
  auto async_size(Token&& token) const {
    return async_call<std::size_t>(detail::methods::set_len, token);
  }
  template <typename Token>
  auto async_items(Token&& token) const {
    return async_call<std::vector<T>>(detail::methods::set_items, token);
  }
  template <typename Token>
  auto async_insert(const T& value, Token&& token) const {
    return async_call<bool>(detail::methods::set_add, token, value);
  }
  template <typename Token>
  auto async_erase(const T& value, Token&& token) const;
  template <typename Token>
  auto async_remove(const T& value, Token&& token) const {
    return async_call<void>(detail::methods::set_remove, token, value);
  }
  template <typename Token>
  auto async_pop(Token&& token) const {
    return async_call<T>(detail::methods::set_pop, token);
  }
  template <typename Token>
  auto async_clear(Token&& token) const {
    return async_call<void>(detail::methods::set_clear, token);
  }
  template <Encodable Other = std::vector<T>, typename Token>
  auto async_update(const Other& other, Token&& token) const {
    return async_call<void>(detail::methods::set_update, token, other);
  }
  template <Encodable Other = std::vector<T>, typename Token>
  auto async_union_with(const Other& other, Token&& token) const {
    return async_call<std::vector<T>>(detail::methods::set_union, token, other);
  }
  template <Encodable Other = std::vector<T>, typename Token>
  auto async_intersection_with(const Other& other, Token&& token) const {
    return async_call<std::vector<T>>(detail::methods::set_intersection, token, other);
  }
  template <Encodable Other = std::vector<T>, typename Token>
  auto async_difference_with(const Other& other, Token&& token) const {
    return async_call<std::vector<T>>(detail::methods::set_difference, token, other);
  }
  template <Encodable Other = std::vector<T>, typename Token>
  auto async_symmetric_difference_with(const Other& other, Token&& token) const {
    return async_call<std::vector<T>>(detail::methods::set_symmetric_difference, token, other);
  }
  template <Encodable Other = std::vector<T>, typename Token>
  auto async_is_subset_of(const Other& other, Token&& token) const {
    return async_call<bool>(detail::methods::set_is_subset, token, other);
  }
  template <Encodable Other = std::vector<T>, typename Token>
  auto async_is_superset_of(const Other& other, Token&& token) const {
    return async_call<bool>(detail::methods::set_is_superset, token, other);
  }
  template <Encodable Other = std::vector<T>, typename Token>
  auto async_is_disjoint_from(const Other& other, Token&& token) const {
    return async_call<bool>(detail::methods::set_is_disjoint, token, other);
  }
  template <Encodable Other = std::vector<T>, typename Token>
  auto async_intersection_update(const Other& other, Token&& token) const {
    return async_call<void>(detail::methods::set_intersection_update, token, other);
  }
  template <Encodable Other = std::vector<T>, typename Token>
  auto async_difference_update(const Other& other, Token&& token) const {
    return async_call<void>(detail::methods::set_difference_update, token, other);
  }
  template <Encodable Other = std::vector<T>, typename Token>
  auto async_symmetric_difference_update(const Other& other, Token&& token) const {
    return async_call<void>(detail::methods::set_symmetric_difference_update, token, other);
  }
};

// ---- implementation ------------------------------------------------------------------------

template <typename T>
bool set<T>::contains(const T& value) const {
  const detail::ReadResult result = detail::try_contains(handle(), detail::ObjectKind::set, value);
  if (result == detail::ReadResult::found) return true;
  if (result == detail::ReadResult::not_found) return false;
  return call<bool>(detail::methods::set_contains, value);
}

template <typename T>
std::size_t set<T>::size() const {
  return read_size(detail::ObjectKind::set, detail::methods::set_len);
}

template <typename T>
template <typename Token>
auto set<T>::async_erase(const T& value, Token&& token) const {
  return async_make<std::size_t>(
      detail::methods::set_discard,
      [s = *this](detail::Reply reply) -> std::size_t {
        return s.template take<bool>(detail::methods::set_discard.name, std::move(reply)) ? 1 : 0;
      },
      token, value);
}

}  // namespace agora
