// set<T>: a shared set of values, like std::unordered_set.
#pragma once

#include <cstddef>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include <agora/any_io.hpp>
#include <agora/detail/lookup.hpp>
#include <agora/proxy.hpp>
#include <agora/snapshot.hpp>

#include "shared/value/any.hpp"

namespace agora {

/// Every operation is one atomic step on the server. Members are equal as values are: 1 is 1.0.
/// One that cannot be a key (a map) is type_error; so is reading one that is no T. `other` in the
/// operations of set algebra is a range of values, or another shared set of the same manager.
template <typename T = any>
class set : public proxy {
 public:
  using value_type = T;
  using const_iterator = snapshot_iterator<T>;
  using Values = std::vector<T>;

  /// From a manager's factory; see manager::set.
  explicit set(detail::Handle handle) : proxy(std::move(handle)) {}

  /// True if the value is new.
  bool insert(const T& value) const { return change<bool>("set.add", value); }
  /// @return 1 if the value was there, else 0.
  std::size_t erase(const T& value) const { return change<bool>("set.discard", value) ? 1 : 0; }
  /// Takes the value out. @throws key_error  it is not there.
  void remove(const T& value) const { change<void>("set.remove", value); }
  /// Takes any value out. @throws key_error  the set is empty.
  T pop() const { return change<T>("set.pop"); }
  bool contains(const T& value) const {
    const detail::ReadResult look = detail::try_contains(handle(), detail::ObjectKind::set, value);
    if (look == detail::ReadResult::found) return true;
    if (look == detail::ReadResult::not_found) return false;
    return read<bool>("set.contains", value);
  }
  std::size_t size() const { return read_size(detail::ObjectKind::set, "set.len"); }
  bool empty() const { return size() == 0; }
  void clear() const { change<void>("set.clear"); }
  /// The whole content, read in one step.
  Values items() const { return read<Values>("set.items"); }

  /// Adds all of them.
  template <Encodable Other = Values>
  void update(const Other& other) const {
    change<void>("set.update", other);
  }
  /// What is in either, in both, here only, in just one of them: a plain copy.
  template <Encodable Other = Values>
  Values union_with(const Other& other) const {
    return read<Values>("set.union", other);
  }
  template <Encodable Other = Values>
  Values intersection_with(const Other& other) const {
    return read<Values>("set.intersection", other);
  }
  template <Encodable Other = Values>
  Values difference_with(const Other& other) const {
    return read<Values>("set.difference", other);
  }
  template <Encodable Other = Values>
  Values symmetric_difference_with(const Other& other) const {
    return read<Values>("set.symmetric_difference", other);
  }
  /// The same, as this set's new content.
  template <Encodable Other = Values>
  void intersection_update(const Other& other) const {
    change<void>("set.intersection_update", other);
  }
  template <Encodable Other = Values>
  void difference_update(const Other& other) const {
    change<void>("set.difference_update", other);
  }
  template <Encodable Other = Values>
  void symmetric_difference_update(const Other& other) const {
    change<void>("set.symmetric_difference_update", other);
  }
  template <Encodable Other = Values>
  bool is_subset_of(const Other& other) const {
    return read<bool>("set.is_subset", other);
  }
  template <Encodable Other = Values>
  bool is_superset_of(const Other& other) const {
    return read<bool>("set.is_superset", other);
  }
  template <Encodable Other = Values>
  bool is_disjoint_from(const Other& other) const {
    return read<bool>("set.is_disjoint", other);
  }

  /// Range-for walks a copy of the whole content, taken in one step at begin().
  const_iterator begin() const { return const_iterator(items()); }
  std::default_sentinel_t end() const { return {}; }

  // The asynchronous forms: the last argument is a completion token, see async.hpp.

  template <typename Token>
  auto async_insert(const T& value, Token&& token) const {
    return async_change<bool>("set.add", token, value);
  }
  /// True if the value was there.
  template <typename Token>
  auto async_erase(const T& value, Token&& token) const {
    return async_change<bool>("set.discard", token, value);
  }
  template <typename Token>
  auto async_remove(const T& value, Token&& token) const {
    return async_change<void>("set.remove", token, value);
  }
  template <typename Token>
  auto async_pop(Token&& token) const {
    return async_change<T>("set.pop", token);
  }
  template <typename Token>
  auto async_contains(const T& value, Token&& token) const {
    return async_read<bool>("set.contains", token, value);
  }
  template <typename Token>
  auto async_size(Token&& token) const {
    return async_read<std::size_t>("set.len", token);
  }
  template <typename Token>
  auto async_clear(Token&& token) const {
    return async_change<void>("set.clear", token);
  }
  template <typename Token>
  auto async_items(Token&& token) const {
    return async_read<Values>("set.items", token);
  }
  template <Encodable Other = Values, typename Token>
  auto async_update(const Other& other, Token&& token) const {
    return async_change<void>("set.update", token, other);
  }
  template <Encodable Other = Values, typename Token>
  auto async_union_with(const Other& other, Token&& token) const {
    return async_read<Values>("set.union", token, other);
  }
  template <Encodable Other = Values, typename Token>
  auto async_intersection_with(const Other& other, Token&& token) const {
    return async_read<Values>("set.intersection", token, other);
  }
  template <Encodable Other = Values, typename Token>
  auto async_difference_with(const Other& other, Token&& token) const {
    return async_read<Values>("set.difference", token, other);
  }
  template <Encodable Other = Values, typename Token>
  auto async_symmetric_difference_with(const Other& other, Token&& token) const {
    return async_read<Values>("set.symmetric_difference", token, other);
  }
  template <Encodable Other = Values, typename Token>
  auto async_intersection_update(const Other& other, Token&& token) const {
    return async_change<void>("set.intersection_update", token, other);
  }
  template <Encodable Other = Values, typename Token>
  auto async_difference_update(const Other& other, Token&& token) const {
    return async_change<void>("set.difference_update", token, other);
  }
  template <Encodable Other = Values, typename Token>
  auto async_symmetric_difference_update(const Other& other, Token&& token) const {
    return async_change<void>("set.symmetric_difference_update", token, other);
  }
  template <Encodable Other = Values, typename Token>
  auto async_is_subset_of(const Other& other, Token&& token) const {
    return async_read<bool>("set.is_subset", token, other);
  }
  template <Encodable Other = Values, typename Token>
  auto async_is_superset_of(const Other& other, Token&& token) const {
    return async_read<bool>("set.is_superset", token, other);
  }
  template <Encodable Other = Values, typename Token>
  auto async_is_disjoint_from(const Other& other, Token&& token) const {
    return async_read<bool>("set.is_disjoint", token, other);
  }
};

}  // namespace agora
