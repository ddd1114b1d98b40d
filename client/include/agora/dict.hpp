// SPDX-License-Identifier: MIT

// dict<K, V>: a shared map, like std::map, in insertion order.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <iterator>
#include <map>
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
#include <agora/subscription.hpp>

#include "shared/value/any.hpp"

namespace agora {

/// When an entry of a dict ends by itself: after a time, with the session of the writer, or when
/// the first of these comes. Default: never.
struct entry_options {
  std::optional<std::chrono::nanoseconds> ttl = {};  ///< not negative
  bool ephemeral = false;                            ///< true: with the session of this manager
};

namespace detail {

inline Timeout ttl_of(const entry_options& options) {
  return options.ttl ? Timeout(*options.ttl) : Timeout();
}

}  // namespace detail

/// Every operation is one atomic step on the server. Keys are compared as values, so 1 equals 1.0.
/// Operations that read throw type_error if the stored key or value is no K or V; the message names
/// the object, the key, the expected and the found type. Operations that take a key throw
/// type_error for a value that cannot be a key.
///
/// @code
/// auto ages = m.dict<std::string, int>("ages");
/// ages["ann"] = 30;
/// ages["ann"] += 1;  // one atomic addition on the server
/// if (auto age = ages.find("bob")) use(*age);
/// for (const auto& [name, age] : ages) use(name, age);
/// @endcode
template <typename K = any, typename V = any>
class dict : public proxy {
 public:
  using key_type = K;
  using mapped_type = V;
  using value_type = std::pair<K, V>;
  using reference_type = element<dict, K, V>;
  using const_iterator = snapshot_iterator<value_type>;

  /// Called by a manager's factory; see manager::dict.
  explicit dict(detail::ObjectHandle handle) : proxy(std::move(handle)) {}

  // ---- reading

  /// Returns the element of a key. Reading it throws key_error if the key is missing; it never
  /// inserts.
  reference_type operator[](const K& key) const { return {*this, key}; }
  /// @throws key_error  there is no such key.
  V at(const K& key) const;
  /// Returns the value, or nullopt if there is no such key.
  std::optional<V> find(const K& key) const;
  /// Returns the value, or `otherwise` if there is no such key.
  V get_or(const K& key, const V& otherwise) const;
  /// Stores the value in `out`. Returns false, and leaves `out` alone, if there is no such key.
  bool get_into(const K& key, V& out) const;
  /// Returns the pairs of those keys that exist, in one step.
  std::map<K, V> get_many(const std::vector<K>& keys) const {
    return call<std::map<K, V>>(detail::methods::dict_get_many, keys);
  }
  bool contains(const K& key) const;
  std::size_t size() const;
  bool empty() const { return size() == 0; }
  std::vector<K> keys() const { return call<std::vector<K>>(detail::methods::dict_keys); }
  std::vector<V> values() const { return call<std::vector<V>>(detail::methods::dict_values); }
  std::vector<value_type> items() const {
    return call<std::vector<value_type>>(detail::methods::dict_items);
  }
  /// Range-for walks a copy of the whole content, taken in one step at begin().
  const_iterator begin() const { return const_iterator(items()); }
  std::default_sentinel_t end() const { return {}; }

  // ---- writing

  void insert_or_assign(const K& key, const V& value) const {
    call<void>(detail::methods::dict_set, key, value);
  }
  /// Also says when the entry ends. insert_or_assign and update without options take an earlier end
  /// away; add and compare_and_set leave it as it is.
  /// @throws value_error  the ttl is negative.
  void insert_or_assign(const K& key, const V& value, const entry_options& options) const {
    call<void>(detail::methods::dict_set, key, value, detail::ttl_of(options), options.ephemeral);
  }
  void assign(const K& key, const V& value) const { insert_or_assign(key, value); }
  /// Inserts the value if the key is new. Returns the value that the key has afterwards. The
  /// server does not tell whether it has inserted, so this is no std::map::try_emplace.
  V get_or_insert(const K& key, const V& value) const {
    return call_at<V>(detail::methods::dict_set_default, key, value);
  }
  AGORA_DEPRECATED("use get_or_insert")
  V try_emplace(const K& key, const V& value) const { return get_or_insert(key, value); }
  /// Sets all of them in one step. @param pairs  a map, or a vector of pairs
  template <typename Pairs = std::vector<value_type>>
  requires Encodable<Pairs>
  void update(const Pairs& pairs) const { call<void>(detail::methods::dict_update, pairs); }

  /// Returns 1 if the key was there, else 0.
  std::size_t erase(const K& key) const {
    return call_succeeds<std::size_t>(detail::methods::dict_delete, Errc::key_error, key);
  }
  /// Returns how many of the keys were there.
  std::size_t erase_many(const std::vector<K>& keys) const {
    return call<std::size_t>(detail::methods::dict_delete_many, keys);
  }
  /// Removes the key and returns its value. @throws key_error  there is no such key.
  V pop(const K& key) const { return call_at<V>(detail::methods::dict_pop, key); }
  /// Removes the key and returns its value, or `otherwise` if there is no such key.
  V pop(const K& key, const V& otherwise) const {
    return call_at<V>(detail::methods::dict_pop, key, otherwise);
  }
  /// Removes and returns the pair that was inserted last. @throws key_error  the dict is empty.
  value_type pop_item() const { return call<value_type>(detail::methods::dict_pop_item); }
  void clear() const { call<void>(detail::methods::dict_clear); }

  /// Adds to a number in one step; a missing key counts as `initial`. Returns the new value.
  /// @throws type_error   the value is no number.
  /// @throws value_error  the sum does not fit.
  V add(const K& key, const V& amount = V(1), const V& initial = V(0)) const {
    return call_at<V>(detail::methods::dict_add, key, amount, initial);
  }
  /// Subtracts from a number in one step; a missing key counts as 0. Returns the new value.
  V subtract(const K& key, V amount) const requires std::is_arithmetic_v<V> {
    return call_at<V>(detail::methods::dict_add, key, detail::negated(amount), 0);
  }
  /// Sets the key only if it has the expected value. Returns false if it has another value, or if
  /// there is no such key.
  bool compare_and_set(const K& key, const V& expected, const V& value) const {
    return call<bool>(detail::methods::dict_compare_and_set, key, expected, value);
  }

  // ---- entries that end by themselves

  /// Has the entry removed after that time; 0 removes it at once. An ephemeral entry still ends
  /// with its session too. Returns false if there is no such key. If the reply is lost, the time
  /// may have been set. @throws value_error  the time is negative.
  template <typename Rep, typename Period>
  bool expire(const K& key, std::chrono::duration<Rep, Period> span) const {
    return call<bool>(detail::methods::dict_expire, key, detail::Seconds(span));
  }
  /// Takes the time at which the entry is removed away. Returns false if there is no such key.
  bool persist(const K& key) const {
    return call<bool>(detail::methods::dict_expire, key, detail::Timeout());
  }
  /// Returns the time after which the entry is removed, or nullopt if no time ends it.
  /// @throws key_error  there is no such key.
  std::optional<std::chrono::duration<double>> ttl(const K& key) const {
    return call_at<detail::Timeout>(detail::methods::dict_ttl, key);
  }

  // ---- watching

  using proxy::watch;
  /// Calls `callback` for each later change of that entry by any session, in order; see
  /// subscription.hpp. Its end is reported as `dict.expire` or `session.close`.
  /// @throws type_error  the value cannot be a key.
  subscription watch(const K& key, std::function<void(const object_change&)> callback) const {
    return subscription::begin_key(handle(), pack(key), std::move(callback));
  }

  // ---- waiting

  /// Waits without a timeout until the key exists. Returns its value.
  V wait(const K& key) const { return call_at<V>(kWait, key, detail::Timeout()); }
  /// Waits for that time. Returns nullopt if the key did not come into existence.
  template <typename Rep, typename Period>
  std::optional<V> wait_for(const K& key, std::chrono::duration<Rep, Period> span) const;
  AGORA_DEPRECATED("use wait") V wait_for(const K& key) const { return wait(key); }

  // ---- asynchronous forms: the last argument is a completion token, see async.hpp

  template <typename Token>
  auto async_at(const K& key, Token&& token) const {
    return async_call_at<V>(detail::methods::dict_get, key, token);
  }
  template <typename Token>
  auto async_find(const K& key, Token&& token) const {
    return async_call_at_or_nullopt<V>(detail::methods::dict_get, Errc::key_error, key, token);
  }
  template <typename Token>
  auto async_get_or(const K& key, const V& otherwise, Token&& token) const {
    return async_call_at<V>(detail::methods::dict_get_or, key, token, otherwise);
  }
  template <typename Token>
  auto async_get_many(const std::vector<K>& keys, Token&& token) const {
    return async_call<std::map<K, V>>(detail::methods::dict_get_many, token, keys);
  }
  template <typename Token>
  auto async_contains(const K& key, Token&& token) const {
    return async_call<bool>(detail::methods::dict_contains, token, key);
  }
  template <typename Token>
  auto async_size(Token&& token) const {
    return async_call<std::size_t>(detail::methods::dict_len, token);
  }
  template <typename Token>
  auto async_keys(Token&& token) const {
    return async_call<std::vector<K>>(detail::methods::dict_keys, token);
  }
  template <typename Token>
  auto async_values(Token&& token) const {
    return async_call<std::vector<V>>(detail::methods::dict_values, token);
  }
  template <typename Token>
  auto async_items(Token&& token) const {
    return async_call<std::vector<value_type>>(detail::methods::dict_items, token);
  }
  template <typename Token>
  auto async_insert_or_assign(const K& key, const V& value, Token&& token) const {
    return async_call<void>(detail::methods::dict_set, token, key, value);
  }
  template <typename Token>
  auto async_insert_or_assign(const K& key, const V& value, const entry_options& options,
                              Token&& token) const {
    return async_call<void>(detail::methods::dict_set, token, key, value, detail::ttl_of(options),
                            options.ephemeral);
  }
  template <typename Rep, typename Period, typename Token>
  auto async_expire(const K& key, std::chrono::duration<Rep, Period> span, Token&& token) const {
    return async_call<bool>(detail::methods::dict_expire, token, key, detail::Seconds(span));
  }
  template <typename Token>
  auto async_persist(const K& key, Token&& token) const {
    return async_call<bool>(detail::methods::dict_expire, token, key, detail::Timeout());
  }
  template <typename Token>
  auto async_ttl(const K& key, Token&& token) const {
    return async_call_at<detail::Timeout>(detail::methods::dict_ttl, key, token);
  }
  template <typename Token>
  auto async_get_or_insert(const K& key, const V& value, Token&& token) const {
    return async_call_at<V>(detail::methods::dict_set_default, key, token, value);
  }
  template <typename Token>
  AGORA_DEPRECATED("use async_get_or_insert")
  auto async_try_emplace(const K& key, const V& value, Token&& token) const {
    return async_get_or_insert(key, value, token);
  }
  template <typename Pairs = std::vector<value_type>, typename Token>
  requires Encodable<Pairs>
  auto async_update(const Pairs& pairs, Token&& token) const {
    return async_call<void>(detail::methods::dict_update, token, pairs);
  }
  template <typename Token>
  auto async_erase(const K& key, Token&& token) const {
    return async_call_succeeds<std::size_t>(detail::methods::dict_delete, Errc::key_error, token,
                                            key);
  }
  template <typename Token>
  auto async_erase_many(const std::vector<K>& keys, Token&& token) const {
    return async_call<std::size_t>(detail::methods::dict_delete_many, token, keys);
  }
  template <typename Token>
  auto async_pop(const K& key, Token&& token) const {
    return async_call_at<V>(detail::methods::dict_pop, key, token);
  }
  template <typename Token>
  auto async_pop(const K& key, const V& otherwise, Token&& token) const {
    return async_call_at<V>(detail::methods::dict_pop, key, token, otherwise);
  }
  template <typename Token>
  AGORA_DEPRECATED("use async_pop")
  auto async_pop_or(const K& key, const V& otherwise, Token&& token) const {
    return async_pop(key, otherwise, token);
  }
  template <typename Token>
  auto async_pop_item(Token&& token) const {
    return async_call<value_type>(detail::methods::dict_pop_item, token);
  }
  template <typename Token>
  auto async_clear(Token&& token) const {
    return async_call<void>(detail::methods::dict_clear, token);
  }
  template <typename Token>
  auto async_add(const K& key, const V& amount, const V& initial, Token&& token) const {
    return async_call_at<V>(detail::methods::dict_add, key, token, amount, initial);
  }
  template <typename Token>
  auto async_subtract(const K& key, V amount,
                      Token&& token) const requires std::is_arithmetic_v<V> {
    return async_call_at<V>(detail::methods::dict_add, key, token, detail::negated(amount), 0);
  }
  template <typename Token>
  auto async_compare_and_set(const K& key, const V& expected, const V& value, Token&& token) const {
    return async_call<bool>(detail::methods::dict_compare_and_set, token, key, expected, value);
  }
  template <typename Token>
  auto async_wait(const K& key, Token&& token) const {
    return async_call_at<V>(kWait, key, token, detail::Timeout());
  }
  template <typename Rep, typename Period, typename Token>
  auto async_wait_for(const K& key, std::chrono::duration<Rep, Period> span, Token&& token) const {
    const detail::Timeout timeout = detail::timeout_of(span);
    return async_call_at_or_nullopt<V>({kWait, timeout}, Errc::timeout, key, token, timeout);
  }

 private:
  static constexpr const detail::Method& kWait = detail::methods::dict_wait_for;

  // Reads by the fast path if V is default-constructible.
  detail::ReadResult try_get(const K& key, std::optional<V>& out) const;
};

// ---- implementation ------------------------------------------------------------------------

template <typename K, typename V>
detail::ReadResult dict<K, V>::try_get(const K& key, std::optional<V>& out) const {
  if constexpr (std::is_default_constructible_v<V>) {
    return detail::try_get(handle(), detail::ObjectKind::dict, key, out.emplace());
  } else {
    return detail::ReadResult::use_rpc;
  }
}

template <typename K, typename V>
V dict<K, V>::at(const K& key) const {
  std::optional<V> value;
  if (try_get(key, value) == detail::ReadResult::found) return std::move(*value);
  return call_at<V>(detail::methods::dict_get, key);
}

template <typename K, typename V>
std::optional<V> dict<K, V>::find(const K& key) const {
  std::optional<V> value;
  const detail::ReadResult result = try_get(key, value);
  if (result == detail::ReadResult::found) return value;
  if (result == detail::ReadResult::not_found) return std::nullopt;
  return call_at_or_nullopt<V>(detail::methods::dict_get, Errc::key_error, key);
}

template <typename K, typename V>
V dict<K, V>::get_or(const K& key, const V& otherwise) const {
  std::optional<V> value;
  const detail::ReadResult result = try_get(key, value);
  if (result == detail::ReadResult::found) return std::move(*value);
  if (result == detail::ReadResult::not_found) return otherwise;
  return call_at<V>(detail::methods::dict_get_or, key, otherwise);
}

template <typename K, typename V>
bool dict<K, V>::get_into(const K& key, V& out) const {
  const detail::ReadResult result = detail::try_get(handle(), detail::ObjectKind::dict, key, out);
  if (result == detail::ReadResult::found) return true;
  if (result == detail::ReadResult::not_found) return false;
  auto found = call_at_or_nullopt<V>(detail::methods::dict_get, Errc::key_error, key);
  if (found) out = std::move(*found);
  return found.has_value();
}

template <typename K, typename V>
bool dict<K, V>::contains(const K& key) const {
  const detail::ReadResult result = detail::try_contains(handle(), detail::ObjectKind::dict, key);
  if (result == detail::ReadResult::found) return true;
  if (result == detail::ReadResult::not_found) return false;
  return call<bool>(detail::methods::dict_contains, key);
}

template <typename K, typename V>
std::size_t dict<K, V>::size() const {
  return read_size(detail::ObjectKind::dict, detail::methods::dict_len);
}

template <typename K, typename V>
template <typename Rep, typename Period>
std::optional<V> dict<K, V>::wait_for(const K& key, std::chrono::duration<Rep, Period> span) const {
  const detail::Timeout timeout = detail::timeout_of(span);
  return call_at_or_nullopt<V>({kWait, timeout}, Errc::timeout, key, timeout);
}

}  // namespace agora
