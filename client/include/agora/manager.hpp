// manager: the way to a server, and the factory of all proxies.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
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
#include <agora/recursive_mutex.hpp>
#include <agora/semaphore.hpp>
#include <agora/set.hpp>
#include <agora/shared_mutex.hpp>
#include <agora/topic.hpp>
#include <agora/transaction.hpp>
#include <agora/value.hpp>

namespace agora {

namespace detail {
class PrivateServer;
}

/// One line of manager::objects().
struct object_info {
  std::string name;
  std::string type;
  std::uint64_t version = 0;
};

/// A session at a server, shared by all copies of a manager and all proxies from it. Any thread may
/// use it. It outlives a broken connection: calls under way then go on when the connection is made
/// anew, each takes effect at most once, and a waiting one keeps its place in line. Every call ends
/// with a value, with an error that says whether its effect happened (error::done), or at its
/// deadline. If the session is lost (the server restarted, or heard nothing for the ttl) calls
/// under way throw session_lost and the next one opens another session.
///
/// Factories create the object, or open it if it is there already (initial content and options
/// then do not count; wrong_type if it is of another type). Without a name the object is
/// anonymous: it lives as long as a proxy of it, or a container in which it is stored. From a
/// reference they open that object.
class manager {
 public:
  /// Starts a private server, which ends with the last copy of this manager in this process, and
  /// with this process however that ends. The program `agorad` is sought in the environment
  /// variable AGORA_SERVER, beside the running program or library, in the installation, in PATH.
  /// @throws unavailable  it was not found (the message says where), or did not start.
  explicit manager(manager_options options = {});
  /// Connects to a server.
  /// @param address  `unix:/path/to/socket` or `tcp://host:port` (a name, IPv4, or IPv6 in [])
  /// @throws value_error  no such form of address; unavailable  nobody answers there.
  explicit manager(std::string_view address, manager_options options = {});

  /// @param values  the first content: pairs.
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

  /// @param values  the first content.
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

  /// With a recursive lock of its own.
  condition_variable condition(std::string_view name = {}) const;
  /// With that lock, which other conditions may share.
  condition_variable condition(std::string_view name, const recursive_mutex& lock) const;
  condition_variable condition(const reference& object) const;

  /// @param parties  how many wait for each other, at least 1.
  agora::barrier barrier(std::string_view name, std::int64_t parties) const {
    return agora::barrier(create("barrier", name, detail::params_of(parties)));
  }
  /// @param timeout  for each wait that names none: then the barrier breaks.
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

  /// @param values  the first content.
  template <typename T = any>
  agora::set<T> set(std::string_view name = {}, const std::vector<T>& values = {}) const {
    return agora::set<T>(create("set", name, detail::params_of(values)));
  }
  template <typename T = any>
  agora::set<T> set(const reference& object) const {
    return agora::set<T>(open(object));
  }

  /// @param attributes  the first content.
  agora::namespace_ namespace_(std::string_view name = {},
                               const std::map<std::string, any>& attributes = {}) const {
    return agora::namespace_(create("namespace", name, detail::params_of(attributes)));
  }
  agora::namespace_ namespace_(const reference& object) const {
    return agora::namespace_(open(object));
  }

  /// @param size  how many elements, all 0. An integer wraps round, as std::atomic does.
  template <typename T, std::integral Size>
  agora::array<T> array(std::string_view name, Size size, number_options options = {}) const {
    return agora::array<T>(
        create("array", name, detail::params_of(typecode_for<T>(), size), packed<T>(options)));
  }
  /// @param values  the first content.
  template <typename T>
  agora::array<T> array(std::string_view name, const std::vector<T>& values,
                        number_options options = {}) const {
    return agora::array<T>(
        create("array", name, detail::params_of(typecode_for<T>(), values), packed<T>(options)));
  }
  template <typename T>
  agora::array<T> array(const reference& object) const {
    return agora::array<T>(open(object));
  }

  /// @param duplex  false: the first end receives, the second sends.
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

  /// An object of a type of one's own: `m.object<account_proxy>("mine", 100)`. P derives from
  /// proxy, has a constructor from a detail::Handle (`using proxy::proxy;`), and its `P::type` is
  /// the type's name on the server.
  template <std::derived_from<proxy> P, Encodable... A>
  P object(std::string_view name, const A&... arguments) const {
    return P(create(P::type, name, detail::params_of(arguments...)));
  }
  template <std::derived_from<proxy> P>
  P object(const reference& object) const {
    return P(open(object));
  }

  /// Runs the function with a transaction, and carries out what it has planned as one step: all or
  /// nothing, and only if what it has read still holds. If not, the function runs again, so it must
  /// do nothing else; see transaction.hpp.
  ///
  ///     m.atomically([&](agora::transaction& t) {
  ///       const int mine = t.get(accounts, "me");
  ///       t.set(accounts, "me", mine - 10);
  ///       t.add(accounts, "you", 10);
  ///     });
  ///
  /// @return what the function returned in the end.
  /// @throws conflict  others came between transaction::kAttemptsMax times; nothing happened.
  /// @throws what a change by itself would throw; nothing happened.
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

  /// True if the server answers. @throws unavailable, timeout_error  it does not.
  bool ping() const;
  /// Any method of the server by its name: `m.call("dict.get", "d", "key")`. A method that waits
  /// (queue.get ...) has no deadline here but its own timeout parameter.
  template <typename R = any, Encodable... A>
  R call(std::string_view method, const A&... arguments) const {
    const detail::Reply reply = call_packed(method, detail::params_of(arguments...));
    if constexpr (!std::is_void_v<R>) return decoded<R>(method, reply);
  }
  /// The same for a completion token, which comes behind the method's name; see async.hpp.
  template <typename R = any, typename Token, Encodable... A>
  auto async_call(std::string_view method, Token&& token, const A&... arguments) const {
    return detail::async_call<R>(
        server_handle(), {shape_of(method), std::string(method), detail::params_of(arguments...)},
        [its_method = std::string(method)](detail::Reply reply) {
          if (!reply) throw_error(std::move(reply.error()));
          if constexpr (!std::is_void_v<R>) return decoded<R>(its_method, reply);
        },
        token);
  }
  /// Collects calls, to send them together; see pipeline.hpp.
  agora::pipeline pipeline() const;

  /// What the server says of itself: version, incarnation, pid, started ... as a map.
  any server() const { return call("server.info"); }
  /// All objects whose name fits the pattern (* any text, ? one byte), in the order of names.
  std::vector<object_info> objects(std::string_view pattern = "*") const;
  bool exists(std::string_view name) const { return call<bool>("object.exists", name); }
  /// Deletes an object; false if there was none.
  bool remove(std::string_view name) const { return call<bool>("object.delete", name); }

  /// `unix:/path` or `tcp://host:port`.
  const std::string& address() const;
  /// How this process reaches the server: "unix" or "tcp"; "shared memory" if its present session
  /// shares the server's memory, so that much of what it does needs no call.
  std::string_view transport() const;

 private:
  detail::Handle create(std::string_view type, std::string_view name,
                        const detail::Params& arguments = {},
                        const detail::Params& options = {}) const;
  detail::Handle open(const reference& object) const;
  condition_variable with_its_lock(detail::Handle handle) const;
  static detail::Params packed(const queue_options& options);
  static detail::Params packed(const lock_options& options);
  static detail::Params packed(const semaphore_options& options);
  template <typename T>
  static detail::Params packed(const number_options& options) {
    return packed(options, typecode_for<T>() != "any", Integer<T>);
  }
  static detail::Params packed(const number_options& options, bool number, bool integer);
  detail::Reply call_packed(std::string_view method, const detail::Params& params) const;
  detail::Call shape_of(std::string_view method) const;
  detail::Handle server_handle() const;

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

}  // namespace agora
