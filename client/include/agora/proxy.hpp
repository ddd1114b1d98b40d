// proxy: what dict, list, queue and all others have in common: a name, a reference, calls.
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
#include <agora/error.hpp>
#include <agora/subscription.hpp>

#include "shared/value/reference.hpp"

namespace agora {

/// A cheap, copyable handle of a shared object. All operations of all proxies are const, may be
/// called from any thread, and keep working in a forked child. Every operation may throw
/// `not_found` (the object is gone), `unavailable` (no connection), `timeout_error` (no reply in
/// time) and `out_of_memory`; what else it may throw is said there.
class proxy {
 public:
  /// The object's name; that of an anonymous one begins with #.
  const std::string& name() const { return handle_.name(); }
  /// The value that stands for this object inside other containers.
  operator reference() const { return {name()}; }  // NOLINT: implicit, so that it can be stored

  /// The whole content as JSON text (`{"a":1}`), for people: reads it in one step.
  std::string to_text() const;

  /// Calls `callback` for each change of the object by whomever, from now on, in order; see
  /// subscription.hpp. @throws value_error  the object is lent as memory (`local`).
  subscription watch(std::function<void(const object_change&)> callback) const;

  /// True if both are handles of the same object of the same manager.
  friend bool operator==(const proxy& a, const proxy& b) {
    return &a.handle_.client() == &b.handle_.client() && a.name() == b.name();
  }

  /// From a manager: `m.object<P>(name)`. A proxy of one's own says `using proxy::proxy;`.
  explicit proxy(detail::Handle handle) : handle_(std::move(handle)) {}

 protected:
  ~proxy() = default;
  proxy(const proxy&) = default;
  proxy(proxy&&) = default;
  proxy& operator=(const proxy&) = default;
  proxy& operator=(proxy&&) = default;

  /// A call that changes nothing, its result as an R.
  template <typename R, typename... A>
  R read(std::string_view method, const A&... arguments) const {
    return take<R>(method, make(method, detail::Effect::reads, arguments...));
  }

  /// The object's size, as that call gives it, without a call where memory is shared.
  std::size_t read_size(detail::ObjectKind kind, std::string_view method) const {
    const auto seen = try_read_size(kind);
    return seen ? *seen : read<std::size_t>(method);
  }
  /// What one look tells of it; nothing: only a call can say.
  std::optional<std::size_t> try_read_size(detail::ObjectKind kind) const {
    const detail::ObjectView* view = handle_.view();
    if (view == nullptr || view->kind != kind) return std::nullopt;
    return view->try_read_size();
  }

  /// A call that changes something.
  template <typename R, typename... A>
  R change(std::string_view method, const A&... arguments) const {
    return take<R>(method, make(method, detail::Effect::changes, arguments...));
  }

  /// Any call that does not wait, error and all.
  template <typename... A>
  detail::Reply make(std::string_view method, detail::Effect effect, const A&... arguments) const {
    const detail::Params params = handle_.params(arguments...);
    detail::Call call{.method = method, .effect = effect};
    return handle_.call(call.with(params));
  }

  /// A call that waits on the server for `timeout`; the last parameter is not the timeout unless
  /// it is among `arguments`.
  template <typename... A>
  detail::Reply wait(std::string_view method, detail::Effect effect, const detail::Timeout& timeout,
                     const A&... arguments) const {
    const detail::Params params = handle_.params(arguments...);
    detail::Call call{.method = method, .effect = effect, .waits = true, .timeout = timeout};
    return handle_.call(call.with(params));
  }

  /// The result as an R, or the error as an exception; a value that is no R is a type_error that
  /// names the object.
  template <typename R>
  R take(std::string_view method, detail::Reply reply) const {
    if (!reply) throw_error(std::move(reply.error()));
    if constexpr (!std::is_void_v<R>) {
      const ScopedHold keeping(reply.keep);
      auto result = unpack<R>(*reply);
      if (!result) detail::throw_mismatch(method, name(), result.failure());
      return std::move(*result);
    }
  }

  /// Like take, for the value of one key: the type_error names that as well.
  template <typename R, typename K>
  R take_at(std::string_view method, const K& key, detail::Reply reply) const {
    if (!reply) throw_error(std::move(reply.error()));
    const ScopedHold keeping(reply.keep);
    auto value = unpack<R>(*reply);
    if (!value) detail::throw_mismatch(method, name(), at_key(pack(key), value.failure()));
    return std::move(*value);
  }

  // The asynchronous forms, see async.hpp. With them a proxy writes one line for each operation:
  //   template <typename Token>
  //   auto async_size(Token&& token) const { return async_read<std::size_t>("list.len", token); }

  /// As read, for a completion token.
  template <typename R, typename Token, typename... A>
  auto async_read(std::string_view method, Token&& token, const A&... arguments) const {
    return async_make<R>(method, detail::Effect::reads, taker<R>(method), token, arguments...);
  }

  /// As change, for a completion token.
  template <typename R, typename Token, typename... A>
  auto async_change(std::string_view method, Token&& token, const A&... arguments) const {
    return async_make<R>(method, detail::Effect::changes, taker<R>(method), token, arguments...);
  }

  /// As make, for a completion token; `decode(detail::Reply) -> R` may throw.
  template <typename R, typename Decode, typename Token, typename... A>
  auto async_make(std::string_view method, detail::Effect effect, Decode decode, Token&& token,
                  const A&... arguments) const {
    const detail::Call shape{.method = {}, .effect = effect};
    return detail::async_call<R>(handle_,
                                 {shape, std::string(method), handle_.params(arguments...)},
                                 std::move(decode), token);
  }

  /// As wait, for a completion token; `decode(detail::Reply) -> R` may throw.
  template <typename R, typename Decode, typename Token, typename... A>
  auto async_wait(std::string_view method, detail::Effect effect, const detail::Timeout& timeout,
                  Decode decode, Token&& token, const A&... arguments) const {
    const detail::Call shape{.method = {}, .effect = effect, .waits = true, .timeout = timeout};
    return detail::async_call<R>(handle_,
                                 {shape, std::string(method), handle_.params(arguments...)},
                                 std::move(decode), token);
  }

  /// What decodes a reply as take does, later. `method` is a literal.
  template <typename R>
  auto taker(std::string_view method) const {
    return [object = proxy(*this), method](detail::Reply reply) {
      return object.take<R>(method, std::move(reply));
    };
  }
  template <typename R, typename K>
  auto taker_at(std::string_view method, const K& key) const {
    return [object = proxy(*this), method, key](detail::Reply reply) {
      return object.take_at<R>(method, key, std::move(reply));
    };
  }

  const detail::Handle& handle() const { return handle_; }

 private:
  template <std::derived_from<proxy> P, typename Lock>
  friend P guarded(const P& object, const Lock& lock);
  friend class transaction;

  detail::Handle handle_;
};

/// A copy of the proxy whose calls carry a guard: a call takes effect only if the calling thread's
/// grant of that lock, as it is now, still stands at that moment; else it throws stale_token and
/// nothing was changed. So one who lost the lock without knowing it can do no harm:
///
///     std::lock_guard hold(lock);
///     agora::guarded(accounts, lock).insert_or_assign("me", 10);
///
/// `lock` is a mutex, recursive_mutex, lock_grant, or what has name() and token().
/// @throws not_locked  the calling thread has no grant of it.
template <std::derived_from<proxy> P, typename Lock>
P guarded(const P& object, const Lock& lock) {
  P copy = object;
  proxy& base = copy;
  base.handle_ = base.handle_.guarded(lock.name(), lock.token());
  return copy;
}

/// Prints the whole content as JSON text, as the server would.
std::ostream& operator<<(std::ostream& out, const proxy& object);

/// A proxy is stored as a reference. What comes back is an agora::reference, from which the
/// manager makes a proxy again: `m.list<int>(ref)`.
template <typename T>
requires std::derived_from<T, proxy>
struct Codec<T> {
  static void encode(Writer& writer, const T& object) { writer.reference(object.name()); }
};

}  // namespace agora
