// SPDX-License-Identifier: MIT

// manager: the connection to a server, and the factory of all proxies.
#pragma once

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <agora/array.hpp>
#include <agora/barrier.hpp>
#include <agora/condition_variable.hpp>
#include <agora/counter.hpp>
#include <agora/dict.hpp>
#include <agora/event.hpp>
#include <agora/latch.hpp>
#include <agora/list.hpp>
#include <agora/mutex.hpp>
#include <agora/namespace.hpp>
#include <agora/options.hpp>
#include <agora/pipe.hpp>
#include <agora/pipeline.hpp>
#include <agora/queue.hpp>
#include <agora/queue_group.hpp>
#include <agora/recursive_mutex.hpp>
#include <agora/semaphore.hpp>
#include <agora/set.hpp>
#include <agora/shared_mutex.hpp>
#include <agora/subscription.hpp>
#include <agora/topic.hpp>
#include <agora/transaction.hpp>
#include <agora/value.hpp>

namespace agora {

namespace detail {
class PrivateServer;
}

/// One entry of manager::objects().
struct object_info {
  std::string name;
  std::string type;
  std::uint64_t version = 0;
};

/// A session at a server, shared by all copies of a manager and all its proxies. Any thread may use
/// it. It outlives a broken connection: calls under way continue on the next connection, each takes
/// effect at most once, and a waiting call keeps its position in the FIFO. Every call ends with a
/// value, with an error that says whether its effect happened (error::done), or at its deadline.
/// The session is lost if the server restarted, or got no heartbeat for the ttl. Then calls under
/// way throw session_lost, and the next call opens another session.
///
/// @code
/// agora::manager m("unix:/run/agora.sock");
/// auto ages = m.dict<std::string, int>("ages");
/// ages["ann"] = 30;
/// @endcode
///
/// A factory creates the object, or opens it if it exists already. In the second case initial
/// content and options are ignored, and an object of another type throws wrong_type. Without a name
/// the object is anonymous: it lives as long as a proxy of it, or a container that stores it. A
/// factory that takes a reference opens that object.
class manager {
 public:
  /// Starts a private server, which ends with the last copy of this manager in this process, and in
  /// any case with this process. The environment variable AGORA_SERVER may name the program
  /// `agorad`. If it is not set, the client searches beside the running program or library, in the
  /// installation, and in PATH.
  /// @throws unavailable  agorad was not found (the message lists the places), or did not start.
  explicit manager(manager_options options = {});
  /// Connects to a server.
  /// @param address  `unix:/path/to/socket`, `tcp://host:port` or `tls://host:port` (a name, IPv4,
  ///                 or IPv6 in []); of the last two several, with commas between them, which are
  ///                 tried in turn: `tls://a:7117,b:7117`
  /// @throws value_error  the address has another form, or the key file cannot be used.
  /// @throws unauthenticated  the server requires a login, refused the key, or has not proven that
  ///   it knows the key.
  /// @throws unavailable  no server replies there.
  explicit manager(std::string_view address, manager_options options = {});

  /// @param values  the initial content: pairs
  template <typename K = any, typename V = any>
  agora::dict<K, V> dict(std::string_view name = {},
                         const std::vector<std::pair<K, V>>& values = {}) const {
    return agora::dict<K, V>(values.empty() ? create("dict", name)
                                            : create("dict", name, detail::params_of(values)));
  }
  template <typename K = any, typename V = any>
  agora::dict<K, V> dict(const reference& object) const {
    return agora::dict<K, V>(open(object));
  }

  /// @param values  the initial content
  template <typename T = any>
  agora::list<T> list(std::string_view name = {}, const std::vector<T>& values = {}) const {
    return agora::list<T>(values.empty() ? create("list", name)
                                         : create("list", name, detail::params_of(values)));
  }
  template <typename T = any>
  agora::list<T> list(const reference& object) const {
    return agora::list<T>(open(object));
  }

  /// An integer wraps round, as std::atomic does.
  template <typename T = any>
  agora::value<T> value(std::string_view name = {}, const T& initial = T{},
                        number_options options = {}) const {
    return agora::value<T>(
        create("value", name, detail::params_of(typecode_for<T>(), initial), packed<T>(options)));
  }
  template <typename T = any>
  agora::value<T> value(const reference& object) const {
    return agora::value<T>(open(object));
  }

  template <typename T = any>
  agora::queue<T> queue(std::string_view name = {}, queue_options options = {}) const {
    return agora::queue<T>(create("queue", name, {}, packed(options)));
  }
  template <typename T = any>
  agora::queue<T> queue(const reference& object) const {
    return agora::queue<T>(open(object));
  }

  mutex lock(std::string_view name = {}) const { return mutex(create("lock", name)); }
  mutex lock(const reference& object) const { return mutex(open(object)); }

  agora::event event(std::string_view name = {}) const {
    return agora::event(create("event", name));
  }
  agora::event event(const reference& object) const { return agora::event(open(object)); }

  mutex lock(std::string_view name, lock_options options) const {
    return mutex(create("lock", name, {}, packed(options)));
  }
  recursive_mutex rlock(std::string_view name = {}, lock_options options = {}) const {
    return recursive_mutex(create("rlock", name, {}, packed(options)));
  }
  recursive_mutex rlock(const reference& object) const { return recursive_mutex(open(object)); }
  shared_mutex rwlock(std::string_view name = {}, lock_options options = {}) const {
    return shared_mutex(create("rwlock", name, {}, packed(options)));
  }
  shared_mutex rwlock(const reference& object) const { return shared_mutex(open(object)); }

  agora::semaphore semaphore(std::string_view name = {}, std::int64_t initial = 1,
                             semaphore_options options = {}) const {
    return agora::semaphore(create("semaphore", name, detail::params_of(initial), packed(options)));
  }
  agora::semaphore semaphore(const reference& object) const {
    return agora::semaphore(open(object));
  }

  /// Makes a condition with a recursive lock of its own.
  condition_variable condition(std::string_view name = {}) const;
  /// Makes a condition with that lock, which other conditions may share.
  condition_variable condition(std::string_view name, const recursive_mutex& lock) const;
  condition_variable condition(const reference& object) const;

  /// @param parties  how many parties wait for each other, at least 1
  agora::barrier barrier(std::string_view name, std::int64_t parties) const {
    return agora::barrier(create("barrier", name, detail::params_of(parties)));
  }
  /// @param timeout  the default timeout of a wait; when it expires the barrier breaks
  template <typename Rep, typename Period>
  agora::barrier barrier(std::string_view name, std::int64_t parties,
                         std::chrono::duration<Rep, Period> timeout) const {
    detail::Params options = detail::params_of("timeout", detail::timeout_of(timeout));
    options.count = 1;
    return agora::barrier(create("barrier", name, detail::params_of(parties), options));
  }
  agora::barrier barrier(const reference& object) const { return agora::barrier(open(object)); }

  agora::latch latch(std::string_view name, std::int64_t count) const {
    return agora::latch(create("latch", name, detail::params_of(count)));
  }
  agora::latch latch(const reference& object) const { return agora::latch(open(object)); }

  agora::counter counter(std::string_view name = {}, std::int64_t initial = 0) const {
    return agora::counter(create("counter", name, detail::params_of(initial)));
  }
  agora::counter counter(const reference& object) const { return agora::counter(open(object)); }

  /// @param values  the initial content
  template <typename T = any>
  agora::set<T> set(std::string_view name = {}, const std::vector<T>& values = {}) const {
    return agora::set<T>(create("set", name, detail::params_of(values)));
  }
  template <typename T = any>
  agora::set<T> set(const reference& object) const {
    return agora::set<T>(open(object));
  }

  /// @param attributes  the initial content
  agora::namespace_ namespace_(std::string_view name = {},
                               const std::map<std::string, any>& attributes = {}) const {
    return agora::namespace_(create("namespace", name, detail::params_of(attributes)));
  }
  agora::namespace_ namespace_(const reference& object) const {
    return agora::namespace_(open(object));
  }

  /// An integer wraps round, as std::atomic does. @param size  the number of elements, all 0
  template <typename T, std::integral Size>
  agora::array<T> array(std::string_view name, Size size, number_options options = {}) const {
    return agora::array<T>(
        create("array", name, detail::params_of(typecode_for<T>(), size), packed<T>(options)));
  }
  /// @param values  the initial content. More than 65,536 values are written in several steps after
  ///                the creation: other programs may see zeros before.
  template <typename T>
  agora::array<T> array(std::string_view name, const std::vector<T>& values,
                        number_options options = {}) const;
  template <typename T>
  agora::array<T> array(const reference& object) const {
    return agora::array<T>(open(object));
  }

  /// @param duplex  false: the first end receives, the second sends
  template <typename T = any>
  agora::pipe<T> pipe(std::string_view name = {}, bool duplex = true) const {
    return agora::pipe<T>(create("pipe", name, detail::params_of(duplex)));
  }
  template <typename T = any>
  agora::pipe<T> pipe(const reference& object) const {
    return agora::pipe<T>(open(object));
  }

  template <typename T = any>
  agora::topic<T> topic(std::string_view name = {}) const {
    return agora::topic<T>(create("topic", name));
  }
  template <typename T = any>
  agora::topic<T> topic(const reference& object) const {
    return agora::topic<T>(open(object));
  }

  /// Makes or opens an object of a user's own type: `m.object<account_proxy>("mine", 100)`. P
  /// derives from proxy, has a constructor from a detail::ObjectHandle (`using proxy::proxy;`), and
  /// `P::type` is the type's name on the server.
  template <std::derived_from<proxy> P, Encodable... A>
  P object(std::string_view name, const A&... arguments) const {
    return P(create(P::type, name, detail::params_of(arguments...)));
  }
  template <std::derived_from<proxy> P>
  P object(const reference& object) const {
    return P(open(object));
  }

  /// Runs the function with a transaction, and commits its changes as one step: all or nothing, and
  /// only if its reads would still return the same values. If not, the function runs again, so it
  /// must have no other effect; see transaction.hpp. Returns the result of the function's last run.
  /// Throws the error of a change; then nothing happened.
  ///
  /// @code
  /// m.atomically([&](agora::transaction& t) {
  ///   const int mine = t.get(accounts, "me");
  ///   t.set(accounts, "me", mine - 10);
  ///   t.add(accounts, "you", 10);
  /// });
  /// @endcode
  ///
  /// @throws conflict  other clients interfered transaction::kAttemptsMax times; nothing happened.
  template <std::invocable<transaction&> F>
  std::invoke_result_t<F&, transaction&> atomically(F function) const {
    for (int attempt = 1;; ++attempt) {
      transaction t(server_handle());
      if constexpr (std::is_void_v<std::invoke_result_t<F&, transaction&>>) {
        function(t);
        if (t.commit(attempt)) return;
      } else {
        auto result = function(t);
        if (t.commit(attempt)) return result;
      }
    }
  }

  /// Returns true if the server replies. @throws unavailable, timeout_error  it does not.
  bool ping() const;
  /// Calls any method of the server by its name: `m.call("dict.get", "d", "key")`. A method that
  /// waits, such as queue.get, ends by its own timeout parameter; the deadline of the manager does
  /// not apply.
  template <typename R = any, Encodable... A>
  R call(std::string_view method, const A&... arguments) const {
    const detail::Reply reply = call_packed(method, detail::params_of(arguments...));
    if constexpr (!std::is_void_v<R>) return decoded<R>(method, reply);
  }
  /// As call, for a completion token, which follows the method's name; see async.hpp.
  template <typename R = any, typename Token, Encodable... A>
  auto async_call(std::string_view method, Token&& token, const A&... arguments) const {
    return detail::async_call<R>(
        server_handle(),
        {call_of(detail::find_method(method)), std::string(method),
         detail::params_of(arguments...)},
        [its_method = std::string(method)](detail::Reply reply) {
          if (!reply) throw_error(std::move(reply.error()));
          if constexpr (!std::is_void_v<R>) return decoded<R>(its_method, reply);
        },
        token);
  }
  /// Makes a pipeline, which collects calls and sends them together; see pipeline.hpp.
  agora::pipeline pipeline() const;

  /// Returns the result of server.info: version, incarnation, pid, start time and more, as a map.
  any server() const { return call(detail::methods::server_info.name); }
  /// Returns all objects whose name matches the pattern (* any text, ? one byte), in the order of
  /// names.
  std::vector<object_info> objects(std::string_view pattern = "*") const;
  bool exists(std::string_view name) const {
    return call<bool>(detail::methods::object_exists.name, name);
  }
  /// Calls `callback` for each named object that is created or ends later, in order, if its name
  /// matches the pattern (* any text, ? one byte); see subscription.hpp. Objects that exist already
  /// are not reported: begin the watch, then call objects(). After a broken connection the last
  /// notices may come twice.
  /// @param type  such as "dict"; empty: objects of any type
  /// @throws value_error  there is no such type. @throws overloaded  too many patterns are watched.
  subscription watch_names(std::string_view pattern,
                           std::function<void(const name_change&)> callback,
                           std::string_view type = {}) const {
    return subscription::begin_names(server_handle(), std::string(pattern), std::string(type),
                                     std::move(callback));
  }
  /// Deletes an object; returns false if there was none.
  bool remove(std::string_view name) const {
    return call<bool>(detail::methods::object_delete.name, name);
  }

  /// Returns `unix:/path` or `tcp://host:port`.
  const std::string& address() const;
  /// Returns how this process reaches the server: "unix" or "tcp", or "shared memory" if its
  /// present session shares the server's memory, so that many operations need no call.
  std::string_view transport() const;

 private:
  detail::ObjectHandle create(std::string_view type, std::string_view name,
                              const detail::Params& arguments = {},
                              const detail::Params& options = {}) const;
  /// Returns also whether this call has created the object.
  std::pair<detail::ObjectHandle, bool> create_or_open(std::string_view type, std::string_view name,
                                                       const detail::Params& arguments,
                                                       const detail::Params& options) const;
  detail::ObjectHandle created(detail::Reply reply) const;
  detail::ObjectHandle open(const reference& object) const;
  condition_variable with_its_lock(detail::ObjectHandle handle) const;
  static detail::Params packed(const queue_options& options);
  static detail::Params packed(const lock_options& options);
  static detail::Params packed(const semaphore_options& options);
  template <typename T>
  static detail::Params packed(const number_options& options) {
    return packed(options, typecode_for<T>() != "any", Integer<T>);
  }
  static detail::Params packed(const number_options& options, bool number, bool integer);
  detail::Reply call_packed(std::string_view method, const detail::Params& params) const;
  detail::ObjectHandle server_handle() const;

  template <typename R>
  static R decoded(std::string_view method, const detail::Reply& reply) {
    const ScopedHold keeping(reply.keep);
    auto result = unpack<R>(*reply);
    if (!result) detail::throw_mismatch(method, {}, result.failure());
    return std::move(*result);
  }

  std::shared_ptr<detail::PrivateServer> private_server_;
  std::shared_ptr<detail::Client> client_;
};

template <typename T>
agora::array<T> manager::array(std::string_view name, const std::vector<T>& values,
                               number_options options) const {
  constexpr auto kStep = static_cast<std::size_t>(agora::array<T>::kStepElements);
  const detail::Params packed_options = packed<T>(options);
  if (values.size() <= kStep) {
    return agora::array<T>(
        create("array", name, detail::params_of(typecode_for<T>(), values), packed_options));
  }
  auto [handle, is_new] = create_or_open(
      "array", name, detail::params_of(typecode_for<T>(), values.size()), packed_options);
  agora::array<T> made(std::move(handle));
  for (std::size_t at = 0; is_new && at < values.size(); at += kStep) {
    const std::size_t end = std::min(at + kStep, values.size());
    using index_type = typename agora::array<T>::index_type;
    made.set_slice(static_cast<index_type>(at), static_cast<index_type>(end), {},
                   std::vector<T>(values.begin() + static_cast<std::ptrdiff_t>(at),
                                  values.begin() + static_cast<std::ptrdiff_t>(end)));
  }
  return made;
}

}  // namespace agora
