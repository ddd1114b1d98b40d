// dict<K, V>: a shared map, like std::map, in insertion order.
#pragma once

#include <chrono>
#include <cstddef>
#include <iterator>
#include <map>
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

/// Every operation is one atomic step on the server. Keys are equal as values are: 1 is 1.0.
/// Operations that read may throw type_error if what is stored is no K or V (the message names
/// object, key, expected, found); those that take a key throw it for one that cannot be a key.
template <typename K = any, typename V = any>
class dict : public proxy {
 public:
  using key_type = K;
  using mapped_type = V;
  using value_type = std::pair<K, V>;
  using reference_type = element<dict, K, V>;
  using const_iterator = snapshot_iterator<value_type>;

  /// From a manager's factory; see manager::dict.
  explicit dict(detail::Handle handle) : proxy(std::move(handle)) {}

  /// The place of a key. Reading a missing key throws key_error; it never inserts.
  reference_type operator[](const K& key) const { return {*this, key}; }

  /// @throws key_error  there is no such key.
  V at(const K& key) const {
    std::optional<V> value;
    if (try_get(key, value) == detail::ReadResult::found) return std::move(*value);
    return take_at<V>("dict.get", key, get(key));
  }
  /// The value, or nothing.
  std::optional<V> find(const K& key) const;
  /// The value, or `otherwise`.
  V get_or(const K& key, const V& otherwise) const {
    std::optional<V> value;
    const detail::ReadResult look = try_get(key, value);
    if (look == detail::ReadResult::found) return std::move(*value);
    if (look == detail::ReadResult::not_found) return otherwise;
    return take_at<V>("dict.get_or", key,
                      make("dict.get_or", detail::Effect::reads, key, otherwise));
  }
  /// Puts the value into `out`; false, and `out` as it was, if there is no such key.
  bool get_into(const K& key, V& out) const;
  bool contains(const K& key) const {
    const detail::ReadResult look = detail::try_contains(handle(), detail::ObjectKind::dict, key);
    if (look == detail::ReadResult::found) return true;
    if (look == detail::ReadResult::not_found) return false;
    return read<bool>("dict.contains", key);
  }

  void insert_or_assign(const K& key, const V& value) const {
    change<void>("dict.set", key, value);
  }
  void assign(const K& key, const V& value) const { insert_or_assign(key, value); }
  /// Writes only if the key is new. @return the value that the key has now.
  V try_emplace(const K& key, const V& value) const {
    return take_at<V>("dict.set_default", key,
                      make("dict.set_default", detail::Effect::changes, key, value));
  }
  /// Sets all of them in one step. For pairs, a map or a vector of pairs.
  template <typename Pairs = std::vector<value_type>>
  requires Encodable<Pairs>
  void update(const Pairs& pairs) const { change<void>("dict.update", pairs); }

  /// @return 1 if the key was there, else 0.
  std::size_t erase(const K& key) const;
  /// @return how many of them were there.
  std::size_t erase_many(const std::vector<K>& keys) const {
    return change<std::size_t>("dict.delete_many", keys);
  }
  /// Takes the key out. @throws key_error  there is no such key.
  V pop(const K& key) const {
    return take_at<V>("dict.pop", key, make("dict.pop", detail::Effect::changes, key));
  }
  V pop(const K& key, const V& otherwise) const {
    return take_at<V>("dict.pop", key, make("dict.pop", detail::Effect::changes, key, otherwise));
  }
  /// Takes out what came last. @throws key_error  the dict is empty.
  value_type pop_item() const { return change<value_type>("dict.pop_item"); }
  void clear() const { change<void>("dict.clear"); }

  std::size_t size() const { return read_size(detail::ObjectKind::dict, "dict.len"); }
  bool empty() const { return size() == 0; }
  std::vector<K> keys() const { return read<std::vector<K>>("dict.keys"); }
  std::vector<V> values() const { return read<std::vector<V>>("dict.values"); }
  std::vector<value_type> items() const { return read<std::vector<value_type>>("dict.items"); }
  /// Those of the keys that are there, in one step.
  std::map<K, V> get_many(const std::vector<K>& keys) const {
    return read<std::map<K, V>>("dict.get_many", keys);
  }

  /// Adds to a number in one step; a missing key counts as `initial`. @return the new value.
  /// @throws type_error  what is there is no number; value_error  the sum does not fit.
  V add(const K& key, const V& amount = V(1), const V& initial = V(0)) const {
    return take_at<V>("dict.add", key,
                      make("dict.add", detail::Effect::changes, key, amount, initial));
  }
  /// Takes from a number in one step. @return the new value.
  V subtract(const K& key, V amount) const requires std::is_arithmetic_v<V>;
  /// Sets the key only if it has the expected value; false if not, or if there is no such key.
  bool compare_and_set(const K& key, const V& expected, const V& value) const {
    return change<bool>("dict.compare_and_set", key, expected, value);
  }

  /// Waits until the key is there. @return its value.
  V wait_for(const K& key) const { return take_at<V>("dict.wait_for", key, wait_for_key(key, {})); }
  /// The same, for so long; nothing if the key did not come.
  template <typename Rep, typename Period>
  std::optional<V> wait_for(const K& key, std::chrono::duration<Rep, Period> span) const;

  /// Range-for walks a copy of the whole content, taken in one step at begin().
  const_iterator begin() const { return const_iterator(items()); }
  std::default_sentinel_t end() const { return {}; }

  // The asynchronous forms: the last argument is a completion token, see async.hpp.

  template <typename Token>
  auto async_at(const K& key, Token&& token) const {
    return async_make<V>("dict.get", detail::Effect::reads, taker_at<V>("dict.get", key), token,
                         key);
  }
  template <typename Token>
  auto async_find(const K& key, Token&& token) const {
    return async_make<std::optional<V>>("dict.get", detail::Effect::reads,
                                        finder(Errc::key_error, "dict.get", key), token, key);
  }
  template <typename Token>
  auto async_get_or(const K& key, const V& otherwise, Token&& token) const {
    return async_make<V>("dict.get_or", detail::Effect::reads, taker_at<V>("dict.get_or", key),
                         token, key, otherwise);
  }
  template <typename Token>
  auto async_contains(const K& key, Token&& token) const {
    return async_read<bool>("dict.contains", token, key);
  }
  template <typename Token>
  auto async_insert_or_assign(const K& key, const V& value, Token&& token) const {
    return async_change<void>("dict.set", token, key, value);
  }
  template <typename Token>
  auto async_try_emplace(const K& key, const V& value, Token&& token) const {
    return async_make<V>("dict.set_default", detail::Effect::changes,
                         taker_at<V>("dict.set_default", key), token, key, value);
  }
  template <typename Pairs = std::vector<value_type>, typename Token>
  requires Encodable<Pairs>
  auto async_update(const Pairs& pairs, Token&& token) const {
    return async_change<void>("dict.update", token, pairs);
  }
  template <typename Token>
  auto async_erase(const K& key, Token&& token) const {
    return async_make<std::size_t>(
        "dict.delete", detail::Effect::changes,
        [d = *this](detail::Reply reply) { return d.erased(std::move(reply)); }, token, key);
  }
  template <typename Token>
  auto async_erase_many(const std::vector<K>& keys, Token&& token) const {
    return async_change<std::size_t>("dict.delete_many", token, keys);
  }
  template <typename Token>
  auto async_pop(const K& key, Token&& token) const {
    return async_make<V>("dict.pop", detail::Effect::changes, taker_at<V>("dict.pop", key), token,
                         key);
  }
  template <typename Token>
  auto async_pop_or(const K& key, const V& otherwise, Token&& token) const {
    return async_make<V>("dict.pop", detail::Effect::changes, taker_at<V>("dict.pop", key), token,
                         key, otherwise);
  }
  template <typename Token>
  auto async_pop_item(Token&& token) const {
    return async_change<value_type>("dict.pop_item", token);
  }
  template <typename Token>
  auto async_clear(Token&& token) const {
    return async_change<void>("dict.clear", token);
  }
  template <typename Token>
  auto async_size(Token&& token) const {
    return async_read<std::size_t>("dict.len", token);
  }
  template <typename Token>
  auto async_keys(Token&& token) const {
    return async_read<std::vector<K>>("dict.keys", token);
  }
  template <typename Token>
  auto async_values(Token&& token) const {
    return async_read<std::vector<V>>("dict.values", token);
  }
  template <typename Token>
  auto async_items(Token&& token) const {
    return async_read<std::vector<value_type>>("dict.items", token);
  }
  template <typename Token>
  auto async_get_many(const std::vector<K>& keys, Token&& token) const {
    return async_read<std::map<K, V>>("dict.get_many", token, keys);
  }
  template <typename Token>
  auto async_add(const K& key, const V& amount, const V& initial, Token&& token) const {
    return async_make<V>("dict.add", detail::Effect::changes, taker_at<V>("dict.add", key), token,
                         key, amount, initial);
  }
  template <typename Token>
  auto async_subtract(const K& key, V amount,
                      Token&& token) const requires std::is_arithmetic_v<V> {
    return async_make<V>("dict.add", detail::Effect::changes, taker_at<V>("dict.add", key), token,
                         key, detail::negated(amount), 0);
  }
  template <typename Token>
  auto async_compare_and_set(const K& key, const V& expected, const V& value, Token&& token) const {
    return async_change<bool>("dict.compare_and_set", token, key, expected, value);
  }
  /// As wait_for, for ever.
  template <typename Token>
  auto async_wait(const K& key, Token&& token) const {
    return async_wait_for_key<V>(key, {}, taker_at<V>("dict.wait_for", key), token);
  }
  template <typename Rep, typename Period, typename Token>
  auto async_wait_for(const K& key, std::chrono::duration<Rep, Period> span, Token&& token) const {
    return async_wait_for_key<std::optional<V>>(key, detail::timeout_of(span),
                                                finder(Errc::timeout, "dict.wait_for", key), token);
  }

 private:
  detail::ReadResult try_get(const K& key, std::optional<V>& out) const {
    if constexpr (std::is_default_constructible_v<V>) {
      return detail::try_get(handle(), detail::ObjectKind::dict, key, out.emplace());
    } else {
      return detail::ReadResult::use_rpc;
    }
  }
  detail::Reply get(const K& key) const { return make("dict.get", detail::Effect::reads, key); }
  detail::Reply wait_for_key(const K& key, const detail::Timeout& timeout) const {
    return wait("dict.wait_for", detail::Effect::reads, timeout, key, timeout);
  }
  template <typename R, typename Decode, typename Token>
  auto async_wait_for_key(const K& key, const detail::Timeout& timeout, Decode decode,
                          Token&& token) const {
    return async_wait<R>("dict.wait_for", detail::Effect::reads, timeout, std::move(decode), token,
                         key, timeout);
  }
  std::size_t erased(detail::Reply reply) const {
    if (reply) return 1;
    if (reply.error().code == Errc::key_error) return 0;
    throw_error(std::move(reply.error()));
  }
  auto finder(Errc expected, std::string_view method, const K& key) const {
    return [d = *this, expected, method, key](detail::Reply reply) {
      return d.unless(expected, method, key, std::move(reply));
    };
  }
  std::optional<V> unless(Errc expected, std::string_view method, const K& key,
                          detail::Reply reply) const {
    if (!reply && reply.error().code == expected) return std::nullopt;
    return take_at<V>(method, key, std::move(reply));
  }
};

template <typename K, typename V>
std::optional<V> dict<K, V>::find(const K& key) const {
  std::optional<V> value;
  const detail::ReadResult look = try_get(key, value);
  if (look == detail::ReadResult::found) return value;
  if (look == detail::ReadResult::not_found) return std::nullopt;
  return unless(Errc::key_error, "dict.get", key, get(key));
}

template <typename K, typename V>
bool dict<K, V>::get_into(const K& key, V& out) const {
  const detail::ReadResult look = detail::try_get(handle(), detail::ObjectKind::dict, key, out);
  if (look == detail::ReadResult::found) return true;
  if (look == detail::ReadResult::not_found) return false;
  auto found = unless(Errc::key_error, "dict.get", key, get(key));
  if (found) out = std::move(*found);
  return found.has_value();
}

template <typename K, typename V>
std::size_t dict<K, V>::erase(const K& key) const {
  return erased(make("dict.delete", detail::Effect::changes, key));
}

template <typename K, typename V>
V dict<K, V>::subtract(const K& key, V amount) const requires std::is_arithmetic_v<V> {
  return take_at<V>("dict.add", key,
                    make("dict.add", detail::Effect::changes, key, detail::negated(amount), 0));
}

template <typename K, typename V>
template <typename Rep, typename Period>
std::optional<V> dict<K, V>::wait_for(const K& key, std::chrono::duration<Rep, Period> span) const {
  return unless(Errc::timeout, "dict.wait_for", key, wait_for_key(key, detail::timeout_of(span)));
}

}  // namespace agora
