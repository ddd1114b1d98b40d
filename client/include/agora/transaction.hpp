// SPDX-License-Identifier: MIT

// transaction: reads and changes of many objects as one step; see manager::atomically.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <ratio>
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
#include <agora/queue_group.hpp>
#include <agora/reservation.hpp>
#include <agora/value.hpp>

namespace agora {

/// An optimistic transaction, which a function given to manager::atomically fills. Reads call the
/// server at once. Each value that they return is a condition of the commit: if a read would return
/// another value by then, nothing happens and the function runs again. Changes are collected and
/// happen together after the function has returned. So a read never sees the function's own
/// changes, and the result of a change (a `pipelined`) is available only after atomically returns.
///
/// @code
/// const auto pay = [&](agora::transaction& t) {  // runs again after a conflict
///   const int mine = t.get(accounts, "me");
///   t.set(accounts, "me", mine - 10);
///   t.add(accounts, "you", 10);
///   return mine - 10;
/// };
/// const int left = m.atomically(pay);
/// @endcode
///
/// The function must not wait, must make no calls except through the transaction, and must do
/// nothing that may not be repeated. The values that it reads may be from different moments, and
/// thus inconsistent; then the transaction does not commit, and the function runs again. An
/// exception that it throws ends the transaction without any change.
class transaction {
 public:
  template <typename R>
  using planned = pipelined<R>;

  // ---- reads

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
    return read<T>(object, detail::methods::value_get.name);
  }
  /// Calls any method that only reads, of any object: `t.read<bool>(flag, "event.is_set")`. An
  /// error of that method at the moment of the commit ends the transaction.
  template <typename R, Encodable... A>
  R read(const proxy& object, std::string_view method, const A&... arguments);

  // ---- changes. They may fail as their blocking forms do. Then nothing happens at all, and
  // atomically throws that error, whose detail `index` is the number of the change, from 0.

  template <typename K, typename V>
  planned<void> set(const dict<K, V>& object, const std::type_identity_t<K>& key,
                    const std::type_identity_t<V>& desired) {
    return call<void>(object, detail::methods::dict_set.name, key, desired);
  }
  /// Also says when the entry ends; an ephemeral one ends with this manager's session.
  template <typename K, typename V>
  planned<void> set(const dict<K, V>& object, const std::type_identity_t<K>& key,
                    const std::type_identity_t<V>& desired, const entry_options& options) {
    return call<void>(object, detail::methods::dict_set.name, key, desired, detail::ttl_of(options),
                      options.ephemeral);
  }
  /// @throws key_error  there is no such key.
  template <typename K, typename V>
  planned<void> erase(const dict<K, V>& object, const std::type_identity_t<K>& key) {
    return call<void>(object, detail::methods::dict_delete.name, key);
  }
  /// Adds to a number; a missing key counts as 0. The planned result is the new value.
  template <typename K, typename V>
  planned<V> add(const dict<K, V>& object, const std::type_identity_t<K>& key,
                 const std::type_identity_t<V>& amount) {
    return call<V>(object, detail::methods::dict_add.name, key, amount);
  }
  template <typename T>
  planned<void> set(const list<T>& object, std::int64_t index,
                    const std::type_identity_t<T>& desired) {
    return call<void>(object, detail::methods::list_set.name, index, desired);
  }
  template <typename T>
  planned<void> push_back(const list<T>& object, const std::type_identity_t<T>& added) {
    return call<void>(object, detail::methods::list_append.name, added);
  }
  template <typename T>
  planned<void> set(const value<T>& object, const std::type_identity_t<T>& desired) {
    return call<void>(object, detail::methods::value_set.name, desired);
  }
  /// Adds to a number. The planned result is the new value.
  template <typename T>
  planned<T> add(const value<T>& object, const std::type_identity_t<T>& amount) {
    return call<T>(object, detail::methods::value_add.name, amount);
  }
  /// @throws full_error  there is no room: a transaction does not wait.
  template <typename T>
  planned<void> put(const queue<T>& object, const std::type_identity_t<T>& item) {
    return call<void>(object, detail::methods::queue_put.name, item, 0);
  }
  /// @throws empty_error  nothing is ready: a transaction does not wait.
  template <typename T>
  planned<T> get(const queue<T>& object) {
    return call<T>(object, detail::methods::queue_get.name, 0);
  }
  /// Takes an item from the first queue of the group that has one; the planned result also says
  /// from which. @throws empty_error  nothing is ready: a transaction does not wait.
  template <typename T>
  planned<typename queue_group<T>::popped> get(const queue_group<T>& queues) {
    check(queues.handle());
    return plan<typename queue_group<T>::popped>(
        detail::methods::queue_get_any.name, detail::params_of(queues.names_, 0),
        [queues](PackedView result) { return queues.popped_in(result); });
  }
  /// Acknowledges the item if the transaction happens; else it stays reserved. The reservation must
  /// outlive the transaction.
  template <typename T>
  planned<void> acknowledge(reservation<T>& done) {
    return settle(done.reserved_, detail::methods::queue_acknowledge);
  }
  /// Requeues the item if the transaction happens, as reservation::requeue; else it stays reserved.
  /// The reservation must outlive the transaction.
  template <typename T, typename Rep = std::int64_t, typename Period = std::ratio<1>>
  planned<void> requeue(reservation<T>& failed, std::chrono::duration<Rep, Period> delay = {},
                        bool counts = true) {
    return settle(failed.reserved_, detail::methods::queue_requeue,
                  detail::seconds_of(delay).count(), counts);
  }
  /// Makes the item a dead letter if the transaction happens, as reservation::reject; else it stays
  /// reserved. The reservation must outlive the transaction.
  /// @throws value_error  the reason is longer than 1,024 bytes.
  template <typename T>
  planned<void> reject(reservation<T>& failed, const std::string& reason = {}) {
    return settle(failed.reserved_, detail::methods::queue_reject, reason);
  }
  /// Plans any method of any object: `t.call<void>(s, "set.add", 3)`. A method that may wait takes
  /// part only with timeout 0, given as its parameter.
  template <typename R = any, Encodable... A>
  planned<R> call(const proxy& object, std::string_view method, const A&... arguments) {
    check(object.handle_);
    return plan<R>(method, detail::params_of(object.name(), arguments...));
  }

  /// Commits only if the calling thread's present grant of that lock still stands at that moment;
  /// else stale_token. A proxy from agora::guarded cannot be used in a transaction: use this guard.
  /// @throws not_locked   the calling thread has no grant.
  /// @throws value_error  the transaction has a guard already; it carries only one.
  template <typename Lock>
  void guard(const Lock& lock) {
    server_ = server_.guarded(lock.name(), lock.token());
  }

  /// The most attempts at a transaction; the pause between them grows.
  static constexpr int kAttemptsMax = 100;

  /// Called by manager::atomically.
  explicit transaction(detail::ObjectHandle server) : server_(std::move(server)) {}
  /// Commits. If a read would return another value now, backs off and returns false: the function
  /// must run again.
  /// @param attempt  the number of this attempt, from 1
  /// @throws conflict  this was the last attempt.
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
  /// @param decode  makes an R from the result, or throws
  template <typename R, typename Decode>
  planned<R> plan(std::string_view method, detail::Params params, Decode decode);
  template <typename... A>
  planned<void> settle(detail::Reserved& reserved, const detail::Method& method,
                       const A&... arguments);
  /// @throws value_error  a guarded proxy, or one of another manager.
  void check(const detail::ObjectHandle& object) const;
  void require(std::string_view method, const detail::Params& params, PackedView result);
  void fill(const detail::Reply& reply);

  detail::ObjectHandle server_;
  std::vector<Planned> calls_;
  std::uint32_t requirements_ = 0;
  std::string required_;  // the requirements as bytes, one after another
  std::vector<detail::Reserved*> settled_;
};

template <typename R, Encodable... A>
R transaction::read(const proxy& object, std::string_view method, const A&... arguments) {
  check(object.handle_);
  const detail::Params params = detail::params_of(object.name(), arguments...);
  detail::Call call = call_of(detail::Method{method, detail::CallEffect::reads});
  detail::Reply reply = object.handle_.call(call.with(params));
  if (reply) require(method, params, *reply);
  return object.take<R>(method, std::move(reply));
}

// Reads by dict.get_many and list.slice, which return an empty result for a missing element. So an
// element that is inserted or removed before the commit is a conflict, not an error.
template <typename K, typename V>
std::optional<V> transaction::find(const dict<K, V>& object, const std::type_identity_t<K>& key) {
  auto found =
      read<std::map<any, V>>(object, detail::methods::dict_get_many.name, std::vector<K>{key});
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
  auto found = read<std::vector<T>>(object, detail::methods::list_slice.name, index, stop);
  if (!found.empty()) return std::move(found.front());
  return object.at(index);
}

template <typename R>
transaction::planned<R> transaction::plan(std::string_view method, detail::Params params) {
  if constexpr (std::is_void_v<R>) {
    return plan<void>(method, std::move(params), [](PackedView) { return nullptr; });
  } else {
    return plan<R>(method, std::move(params),
                   [its_method = std::string(method)](PackedView result) {
                     auto decoded = Codec<R>::decode(result);
                     if (!decoded) detail::throw_mismatch(its_method, {}, decoded.failure());
                     return std::move(*decoded);
                   });
  }
}

template <typename R, typename Decode>
transaction::planned<R> transaction::plan(std::string_view method, detail::Params params,
                                          Decode decode) {
  auto state = std::make_shared<typename planned<R>::State>();
  calls_.push_back({std::string(method), std::move(params),
                    [state, decode = std::move(decode)](PackedView result, const HoldRef& keep) {
                      const ScopedHold keeping(keep);
                      try {
                        state->value.emplace(decode(result));
                      } catch (...) {
                        state->error = std::current_exception();
                      }
                    }});
  return planned<R>(std::move(state));
}

template <typename... A>
transaction::planned<void> transaction::settle(detail::Reserved& reserved,
                                               const detail::Method& method,
                                               const A&... arguments) {
  check(reserved.queue());
  auto result = plan<void>(method.name,
                           detail::params_of(reserved.queue().name(), reserved.id(), arguments...));
  settled_.push_back(&reserved);
  return result;
}

}  // namespace agora
