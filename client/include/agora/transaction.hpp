// transaction: reads and changes of many objects as one step; see manager::atomically.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <agora/dict.hpp>
#include <agora/list.hpp>
#include <agora/pipeline.hpp>
#include <agora/proxy.hpp>
#include <agora/queue.hpp>
#include <agora/reservation.hpp>
#include <agora/value.hpp>

namespace agora {

/// What a function given to manager::atomically plans. Reads ask the server at once, outside of
/// the step; what they gave is a condition of the step: if one would give something else by then,
/// nothing happens and the function runs again. Changes are collected and happen together, after
/// the function has returned; so a read never sees the function's own changes, and the result of
/// a change (a `pipelined`) is there only after atomically has returned.
///
/// Inside the function: no waiting, no calls past the transaction, nothing that must not be done
/// twice. It may see things that do not fit together (they are from different moments), though
/// never commit them; an exception that it throws ends the transaction without any change.
class transaction {
 public:
  template <typename R>
  using planned = pipelined<R>;

  // Reads.

  /// @throws key_error  there is no such key.
  template <typename K, typename V>
  V get(const dict<K, V>& object, const std::type_identity_t<K>& key);
  template <typename K, typename V>
  std::optional<V> find(const dict<K, V>& object, const std::type_identity_t<K>& key);
  /// @throws index_error
  template <typename T>
  T get(const list<T>& object, std::int64_t index);
  template <typename T>
  T get(const value<T>& object) {
    return read<T>(object, "value.get");
  }
  /// Any method that only reads, of any object: `t.read<bool>(flag, "event.is_set")`. If it gives
  /// an error at the moment of the step, that error ends the transaction.
  template <typename R, Encodable... A>
  R read(const proxy& object, std::string_view method, const A&... arguments);

  // Changes. They may fail as their blocking forms do; then nothing happens at all, and atomically
  // throws that error, whose detail `index` says which change it was, from 0.

  template <typename K, typename V>
  planned<void> set(const dict<K, V>& object, const std::type_identity_t<K>& key,
                    const std::type_identity_t<V>& desired) {
    return call<void>(object, "dict.set", key, desired);
  }
  /// @throws key_error  there is no such key.
  template <typename K, typename V>
  planned<void> erase(const dict<K, V>& object, const std::type_identity_t<K>& key) {
    return call<void>(object, "dict.delete", key);
  }
  /// Plans the new value. A missing key counts as 0.
  template <typename K, typename V>
  planned<V> add(const dict<K, V>& object, const std::type_identity_t<K>& key,
                 const std::type_identity_t<V>& amount) {
    return call<V>(object, "dict.add", key, amount);
  }
  template <typename T>
  planned<void> set(const list<T>& object, std::int64_t index,
                    const std::type_identity_t<T>& desired) {
    return call<void>(object, "list.set", index, desired);
  }
  template <typename T>
  planned<void> push_back(const list<T>& object, const std::type_identity_t<T>& added) {
    return call<void>(object, "list.append", added);
  }
  template <typename T>
  planned<void> set(const value<T>& object, const std::type_identity_t<T>& desired) {
    return call<void>(object, "value.set", desired);
  }
  /// Plans the new value.
  template <typename T>
  planned<T> add(const value<T>& object, const std::type_identity_t<T>& amount) {
    return call<T>(object, "value.add", amount);
  }
  /// @throws full_error  there is no room: a transaction does not wait.
  template <typename T>
  planned<void> put(const queue<T>& object, const std::type_identity_t<T>& item) {
    return call<void>(object, "queue.put", item, 0);
  }
  /// @throws empty_error  nothing is ready: a transaction does not wait.
  template <typename T>
  planned<T> get(const queue<T>& object) {
    return call<T>(object, "queue.get", 0);
  }
  /// The item is done if the transaction happens, and else still reserved. The reservation must
  /// outlive the transaction.
  template <typename T>
  planned<void> acknowledge(reservation<T>& done) {
    const detail::Reserved& reserved = done.reserved_;
    check(reserved.queue());
    auto result =
        plan<void>("queue.acknowledge", detail::params_of(reserved.queue().name(), reserved.id()));
    settled_.push_back(&done.reserved_);
    return result;
  }
  /// Any method of any object: `t.call<void>(s, "set.add", 3)`. One that may wait takes part only
  /// with timeout 0, given as its parameter.
  template <typename R = any, Encodable... A>
  planned<R> call(const proxy& object, std::string_view method, const A&... arguments) {
    check(object.handle_);
    return plan<R>(method, detail::params_of(object.name(), arguments...));
  }

  /// The step happens only if the calling thread's grant of that lock, as it is now, still stands;
  /// else stale_token. A proxy from agora::guarded has no place in a transaction: this is its
  /// guard.
  /// @throws not_locked   there is none.
  /// @throws value_error  the transaction has a guard already: it carries one.
  template <typename Lock>
  void guard(const Lock& lock) {
    server_ = server_.guarded(lock.name(), lock.token());
  }

  /// How often a transaction is tried, with a growing pause between.
  static constexpr int kAttemptsMax = 100;

  /// Made by manager::atomically.
  explicit transaction(detail::Handle server) : server_(std::move(server)) {}
  /// Carries it out. False, after a pause, if a requirement failed and it is to be tried again.
  /// @param attempt  from 1 @throws conflict  the last attempt failed as well.
  bool commit(int attempt);

 private:
  using Fill = std::function<void(PackedView result, const HoldRef& keep)>;
  struct Planned {
    std::string method;
    detail::Params params;
    Fill fill;
  };

  template <typename R>
  planned<R> plan(std::string_view method, detail::Params params);
  /// @throws value_error  a guarded proxy, or one of another manager.
  void check(const detail::Handle& object) const;
  void require(std::string_view method, const detail::Params& params, PackedView result);
  void fill(const detail::Reply& reply);

  detail::Handle server_;
  std::vector<Planned> calls_;
  std::uint32_t requirements_ = 0;
  std::string required_;  // packed, one after another
  std::vector<detail::Reserved*> settled_;
};

template <typename R, Encodable... A>
R transaction::read(const proxy& object, std::string_view method, const A&... arguments) {
  check(object.handle_);
  const detail::Params params = detail::params_of(object.name(), arguments...);
  detail::Call call{.method = method, .effect = detail::Effect::reads};
  detail::Reply reply = object.handle_.call(call.with(params));
  if (reply) require(method, params, *reply);
  return object.take<R>(method, std::move(reply));
}

// Through methods that give no error for what is missing: that it came or went is a conflict.
template <typename K, typename V>
std::optional<V> transaction::find(const dict<K, V>& object, const std::type_identity_t<K>& key) {
  auto found = read<std::map<any, V>>(object, "dict.get_many", std::vector<K>{key});
  if (found.empty()) return std::nullopt;
  return std::move(found.begin()->second);
}

template <typename K, typename V>
V transaction::get(const dict<K, V>& object, const std::type_identity_t<K>& key) {
  if (auto found = find(object, key)) return std::move(*found);
  return object.at(key);
}

template <typename T>
T transaction::get(const list<T>& object, std::int64_t index) {
  std::optional<std::int64_t> stop;
  if (index != -1) stop = index + 1;
  auto found = read<std::vector<T>>(object, "list.slice", index, stop);
  if (!found.empty()) return std::move(found.front());
  return object.at(index);
}

template <typename R>
transaction::planned<R> transaction::plan(std::string_view method, detail::Params params) {
  auto state = std::make_shared<typename planned<R>::State>();
  calls_.push_back(
      {std::string(method), std::move(params),
       [state, its_method = std::string(method)](PackedView result, const HoldRef& keep) {
         if constexpr (std::is_void_v<R>) {
           state->value.emplace(nullptr);
         } else {
           const ScopedHold keeping(keep);
           try {
             auto decoded = Codec<R>::decode(result);
             if (!decoded) detail::throw_mismatch(its_method, {}, decoded.failure());
             state->value.emplace(std::move(*decoded));
           } catch (...) {
             state->error = std::current_exception();
           }
         }
       }});
  return planned<R>(std::move(state));
}

}  // namespace agora
