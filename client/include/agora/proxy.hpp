// SPDX-License-Identifier: MIT

// proxy: the base of dict, list, queue and all other proxies. It has a name, a reference, and
// calls.
#pragma once

#include <concepts>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <agora/async.hpp>
#include <agora/detail/handle.hpp>
#include <agora/detail/methods.hpp>
#include <agora/error.hpp>
#include <agora/subscription.hpp>

#include "shared/value/reference.hpp"

namespace agora {

namespace detail {

/// A method, and how long its call waits on the server. For function parameters only, since it
/// holds a reference to the method.
struct TimedMethod {
  TimedMethod(const Method& its_method, const Timeout& its_timeout = {})  // NOLINT: implicit
      : method(its_method), timeout(its_timeout) {}

  const Method& method;
  Timeout timeout;
};

}  // namespace detail

/// A cheap, copyable handle of a shared object. All operations of all proxies are const, may be
/// called from any thread, and keep working in a forked child. Every operation may throw
/// `not_found` (the object is gone), `unavailable` (no connection), `timeout_error` (no reply in
/// time) and `out_of_memory`. The documentation of an operation names its further errors.
class proxy {
 public:
  /// Returns the object's name; the name of an anonymous object begins with #.
  const std::string& name() const { return handle_.name(); }
  /// Returns the value that stands for this object inside other containers.
  operator reference() const { return {name()}; }  // NOLINT: implicit, so that it can be stored

  /// Returns the whole content as JSON text (`{"a":1}`), read in one step.
  std::string to_text() const;

  /// Calls `callback` for each later change of the object by any session, in order; see
  /// subscription.hpp. @throws value_error  the object is `local`: programs change it in shared
  /// memory, unseen by the server.
  subscription watch(std::function<void(const object_change&)> callback) const;

  /// True if both are handles of the same object of the same manager.
  friend bool operator==(const proxy& a, const proxy& b) {
    return &a.handle_.client() == &b.handle_.client() && a.name() == b.name();
  }

  /// Called by a manager: `m.object<P>(name)`. The proxy of a user's own type says
  /// `using proxy::proxy;`.
  explicit proxy(detail::ObjectHandle handle) : handle_(std::move(handle)) {}

 protected:
  ~proxy() = default;
  proxy(const proxy&) = default;
  proxy(proxy&&) = default;
  proxy& operator=(const proxy&) = default;
  proxy& operator=(proxy&&) = default;

  // For the proxies of users' own types. `method` is a string literal.

  /// Calls a method that changes nothing, and returns its result as an R.
  template <typename R, typename... A>
  R read(std::string_view method, const A&... arguments) const;
  /// Calls a method that changes something, and returns its result as an R.
  template <typename R, typename... A>
  R change(std::string_view method, const A&... arguments) const;
  /// As read, for a completion token; see async.hpp.
  template <typename R, typename Token, typename... A>
  auto async_read(std::string_view method, Token&& token, const A&... arguments) const;
  /// As change, for a completion token; see async.hpp.
  template <typename R, typename Token, typename... A>
  auto async_change(std::string_view method, Token&& token, const A&... arguments) const;

  // For agora's own proxies: each operation is one line over the descriptor of its method, and so
  // is its asynchronous form.
  //
  //   return call<std::size_t>(detail::methods::list_count, value);
  //   return async_call<std::size_t>(detail::methods::list_count, token, value);
  //
  // For a method that waits, the first argument is `{method, timeout}`; the timeout is sent only if
  // it is also passed as an argument.

  /// Returns the result as an R, or throws the error. A value that is no R is a type_error that
  /// names the object.
  template <typename R, typename... A>
  R call(const detail::TimedMethod& method, const A&... arguments) const;
  /// As call, for a method whose first parameter is a key or index, which the type_error names.
  template <typename R, typename K, typename... A>
  R call_at(const detail::TimedMethod& method, const K& key, const A&... arguments) const;
  /// As call, but returns nullopt for the error `none`.
  template <typename R, typename... A>
  std::optional<R> call_or_nullopt(const detail::TimedMethod& method, Errc none,
                                   const A&... arguments) const;
  /// As call_at, but returns nullopt for the error `none`.
  template <typename R, typename K, typename... A>
  std::optional<R> call_at_or_nullopt(const detail::TimedMethod& method, Errc none, const K& key,
                                      const A&... arguments) const;
  /// Returns R(true), or R(false) for the error `failure`; throws any other error.
  template <typename R = bool, typename... A>
  R call_succeeds(const detail::TimedMethod& method, Errc failure, const A&... arguments) const;
  /// Returns the reply, which may be an error.
  template <typename... A>
  detail::Reply make(const detail::TimedMethod& method, const A&... arguments) const;

  /// Returns the object's size by the fast path if memory is shared, else by a call of `method`.
  std::size_t read_size(detail::ObjectKind kind, const detail::Method& method) const;
  /// Returns the object's size by the fast path, or nullopt if only a call can read it.
  std::optional<std::size_t> try_read_size(detail::ObjectKind kind) const;

  template <typename R, typename Token, typename... A>
  auto async_call(const detail::TimedMethod& method, Token&& token, const A&... arguments) const;
  template <typename R, typename K, typename Token, typename... A>
  auto async_call_at(const detail::TimedMethod& method, const K& key, Token&& token,
                     const A&... arguments) const;
  template <typename R, typename Token, typename... A>
  auto async_call_or_nullopt(const detail::TimedMethod& method, Errc none, Token&& token,
                             const A&... arguments) const;
  template <typename R, typename K, typename Token, typename... A>
  auto async_call_at_or_nullopt(const detail::TimedMethod& method, Errc none, const K& key,
                                Token&& token, const A&... arguments) const;
  template <typename R = bool, typename Token, typename... A>
  auto async_call_succeeds(const detail::TimedMethod& method, Errc failure, Token&& token,
                           const A&... arguments) const;
  /// Completes with the result of `decode(detail::Reply) -> R`, which may throw.
  template <typename R, typename Decode, typename Token, typename... A>
  auto async_make(const detail::TimedMethod& method, Decode decode, Token&& token,
                  const A&... arguments) const;

  // The decoders of replies. `method` is the name for error texts.

  template <typename R>
  R take(std::string_view method, detail::Reply reply) const;
  template <typename R, typename K>
  R take_at(std::string_view method, const K& key, detail::Reply reply) const;
  template <typename R>
  std::optional<R> take_or_nullopt(std::string_view method, Errc none, detail::Reply reply) const;
  template <typename R, typename K>
  std::optional<R> take_at_or_nullopt(std::string_view method, Errc none, const K& key,
                                      detail::Reply reply) const;
  template <typename R = bool>
  static R succeeded(Errc failure, detail::Reply reply);

  const detail::ObjectHandle& handle() const { return handle_; }

 private:
  template <std::derived_from<proxy> P, typename Lock>
  friend P guarded(const P& object, const Lock& lock);
  friend class transaction;

  detail::ObjectHandle handle_;
};

/// Returns a copy of the proxy whose calls carry a guard. A call takes effect only if the present
/// grant of that lock to the calling thread still stands at that moment. Else it throws stale_token
/// and changes nothing. Thus an owner that lost the lock without knowing it can do no harm:
///
/// @code
/// std::lock_guard hold(lock);
/// agora::guarded(accounts, lock).insert_or_assign("me", 10);
/// @endcode
///
/// @param lock  a mutex, recursive_mutex or lock_grant, or any type with name() and token()
/// @throws not_locked  the calling thread has no grant of it.
template <std::derived_from<proxy> P, typename Lock>
P guarded(const P& object, const Lock& lock);

/// Prints the whole content as JSON text, as the server would.
std::ostream& operator<<(std::ostream& out, const proxy& object);

/// A proxy is stored as a reference. It comes back as an agora::reference, from which the manager
/// makes a proxy again: `m.list<int>(ref)`.
template <typename T>
requires std::derived_from<T, proxy>
struct Codec<T> {
  static void encode(Writer& writer, const T& object) { writer.reference(object.name()); }
};

// ---- implementation ------------------------------------------------------------------------

template <std::derived_from<proxy> P, typename Lock>
P guarded(const P& object, const Lock& lock) {
  P copy = object;
  proxy& base = copy;
  base.handle_ = base.handle_.guarded(lock.name(), lock.token());
  return copy;
}

template <typename... A>
detail::Reply proxy::make(const detail::TimedMethod& method, const A&... arguments) const {
  const detail::Params params = handle_.params(arguments...);
  detail::Call call = detail::call_of(method.method, method.timeout);
  return handle_.call(call.with(params));
}

template <typename R, typename... A>
R proxy::read(std::string_view method, const A&... arguments) const {
  return call<R>(detail::Method{method, detail::CallEffect::reads}, arguments...);
}

template <typename R, typename... A>
R proxy::change(std::string_view method, const A&... arguments) const {
  return call<R>(detail::Method{method, detail::CallEffect::changes}, arguments...);
}

template <typename R, typename Token, typename... A>
auto proxy::async_read(std::string_view method, Token&& token, const A&... arguments) const {
  return async_call<R>(detail::Method{method, detail::CallEffect::reads}, token, arguments...);
}

template <typename R, typename Token, typename... A>
auto proxy::async_change(std::string_view method, Token&& token, const A&... arguments) const {
  return async_call<R>(detail::Method{method, detail::CallEffect::changes}, token, arguments...);
}

template <typename R, typename... A>
R proxy::call(const detail::TimedMethod& method, const A&... arguments) const {
  return take<R>(method.method.name, make(method, arguments...));
}

template <typename R, typename K, typename... A>
R proxy::call_at(const detail::TimedMethod& method, const K& key, const A&... arguments) const {
  return take_at<R>(method.method.name, key, make(method, key, arguments...));
}

template <typename R, typename... A>
std::optional<R> proxy::call_or_nullopt(const detail::TimedMethod& method, Errc none,
                                        const A&... arguments) const {
  return take_or_nullopt<R>(method.method.name, none, make(method, arguments...));
}

template <typename R, typename K, typename... A>
std::optional<R> proxy::call_at_or_nullopt(const detail::TimedMethod& method, Errc none,
                                           const K& key, const A&... arguments) const {
  return take_at_or_nullopt<R>(method.method.name, none, key, make(method, key, arguments...));
}

template <typename R, typename... A>
R proxy::call_succeeds(const detail::TimedMethod& method, Errc failure,
                       const A&... arguments) const {
  return succeeded<R>(failure, make(method, arguments...));
}

inline std::optional<std::size_t> proxy::try_read_size(detail::ObjectKind kind) const {
  const detail::ObjectView* view = handle_.view();
  if (view == nullptr || view->kind != kind) return std::nullopt;
  return view->try_read_size();
}

inline std::size_t proxy::read_size(detail::ObjectKind kind, const detail::Method& method) const {
  const auto size = try_read_size(kind);
  return size ? *size : call<std::size_t>(method);
}

template <typename R, typename Decode, typename Token, typename... A>
auto proxy::async_make(const detail::TimedMethod& method, Decode decode, Token&& token,
                       const A&... arguments) const {
  return detail::async_call<R>(handle_,
                               {detail::call_of(method.method, method.timeout),
                                std::string(method.method.name), handle_.params(arguments...)},
                               std::move(decode), token);
}

template <typename R, typename Token, typename... A>
auto proxy::async_call(const detail::TimedMethod& method, Token&& token,
                       const A&... arguments) const {
  return async_make<R>(
      method,
      [object = proxy(*this), name = method.method.name](detail::Reply reply) {
        return object.take<R>(name, std::move(reply));
      },
      token, arguments...);
}

template <typename R, typename K, typename Token, typename... A>
auto proxy::async_call_at(const detail::TimedMethod& method, const K& key, Token&& token,
                          const A&... arguments) const {
  return async_make<R>(
      method,
      [object = proxy(*this), name = method.method.name, key](detail::Reply reply) {
        return object.take_at<R>(name, key, std::move(reply));
      },
      token, key, arguments...);
}

template <typename R, typename Token, typename... A>
auto proxy::async_call_or_nullopt(const detail::TimedMethod& method, Errc none, Token&& token,
                                  const A&... arguments) const {
  return async_make<std::optional<R>>(
      method,
      [object = proxy(*this), name = method.method.name, none](detail::Reply reply) {
        return object.take_or_nullopt<R>(name, none, std::move(reply));
      },
      token, arguments...);
}

template <typename R, typename K, typename Token, typename... A>
auto proxy::async_call_at_or_nullopt(const detail::TimedMethod& method, Errc none, const K& key,
                                     Token&& token, const A&... arguments) const {
  return async_make<std::optional<R>>(
      method,
      [object = proxy(*this), name = method.method.name, none, key](detail::Reply reply) {
        return object.take_at_or_nullopt<R>(name, none, key, std::move(reply));
      },
      token, key, arguments...);
}

template <typename R, typename Token, typename... A>
auto proxy::async_call_succeeds(const detail::TimedMethod& method, Errc failure, Token&& token,
                                const A&... arguments) const {
  return async_make<R>(
      method, [failure](detail::Reply reply) { return succeeded<R>(failure, std::move(reply)); },
      token, arguments...);
}

template <typename R>
R proxy::take(std::string_view method, detail::Reply reply) const {
  if (!reply) throw_error(std::move(reply.error()));
  if constexpr (!std::is_void_v<R>) {
    const ScopedHold keeping(reply.keep);
    auto result = unpack<R>(*reply);
    if (!result) detail::throw_mismatch(method, name(), result.failure());
    return std::move(*result);
  }
}

template <typename R, typename K>
R proxy::take_at(std::string_view method, const K& key, detail::Reply reply) const {
  if (!reply) throw_error(std::move(reply.error()));
  const ScopedHold keeping(reply.keep);
  auto value = unpack<R>(*reply);
  if (!value) detail::throw_mismatch(method, name(), at_key(pack(key), value.failure()));
  return std::move(*value);
}

template <typename R>
std::optional<R> proxy::take_or_nullopt(std::string_view method, Errc none,
                                        detail::Reply reply) const {
  if (!reply && reply.error().code == none) return std::nullopt;
  return take<R>(method, std::move(reply));
}

template <typename R, typename K>
std::optional<R> proxy::take_at_or_nullopt(std::string_view method, Errc none, const K& key,
                                           detail::Reply reply) const {
  if (!reply && reply.error().code == none) return std::nullopt;
  return take_at<R>(method, key, std::move(reply));
}

template <typename R>
R proxy::succeeded(Errc failure, detail::Reply reply) {
  if (reply) return R(true);
  if (reply.error().code == failure) return R(false);
  throw_error(std::move(reply.error()));
}

}  // namespace agora
