// manager: the way to a server, and the factory of all proxies.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <agora/dict.hpp>
#include <agora/event.hpp>
#include <agora/list.hpp>
#include <agora/mutex.hpp>
#include <agora/options.hpp>
#include <agora/pipeline.hpp>
#include <agora/queue.hpp>
#include <agora/value.hpp>

namespace agora {

namespace client {
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
                                            : create("dict", name, client::params_of(values)));
  }
  template <typename K = any, typename V = any>
  agora::dict<K, V> dict(const reference& object) const {
    return agora::dict<K, V>(open(object));
  }

  /// @param values  the first content.
  template <typename T = any>
  agora::list<T> list(std::string_view name = {}, const std::vector<T>& values = {}) const {
    return agora::list<T>(values.empty() ? create("list", name)
                                         : create("list", name, client::params_of(values)));
  }
  template <typename T = any>
  agora::list<T> list(const reference& object) const {
    return agora::list<T>(open(object));
  }

  /// An integer wraps round, as std::atomic does.
  template <typename T = any>
  agora::value<T> value(std::string_view name = {}, const T& initial = T{}) const {
    client::Params options;
    if (Integer<T>) Writer(options.bytes).text("wrap"), Writer(options.bytes).boolean(true);
    options.count = Integer<T> ? 1 : 0;
    return agora::value<T>(
        create("value", name, client::params_of(typecode_for<T>(), initial), options));
  }
  template <typename T = any>
  agora::value<T> value(const reference& object) const {
    return agora::value<T>(open(object));
  }

  template <typename T = any>
  agora::queue<T> queue(std::string_view name = {}, queue_options options = {}) const {
    client::Params packed;
    if (options.maxsize > 0) {
      packed.count = 1;
      Writer(packed.bytes).text("maxsize");
      Writer(packed.bytes).unsigned_integer(options.maxsize);
    }
    return agora::queue<T>(create("queue", name, {}, packed));
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

  /// True if the server answers. @throws unavailable, timeout_error  it does not.
  bool ping() const;
  /// Any method of the server by its name: `m.call("dict.get", "d", "key")`. A method that waits
  /// (queue.get ...) has no deadline here but its own timeout parameter.
  template <typename R = any, Encodable... A>
  R call(std::string_view method, const A&... arguments) const {
    const client::Reply reply = call_packed(method, client::params_of(arguments...));
    if constexpr (!std::is_void_v<R>) return decoded<R>(method, reply);
  }
  /// The same for a completion token, which comes behind the method's name; see async.hpp.
  template <typename R = any, typename Token, Encodable... A>
  auto async_call(std::string_view method, Token&& token, const A&... arguments) const {
    return client::async_call<R>(
        server_handle(), {shape_of(method), std::string(method), client::params_of(arguments...)},
        [its_method = std::string(method)](client::Reply reply) {
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
  /// How calls travel: "unix" or "tcp".
  std::string_view transport() const;

 private:
  client::Handle create(std::string_view type, std::string_view name,
                        const client::Params& arguments = {},
                        const client::Params& options = {}) const;
  client::Handle open(const reference& object) const;
  client::Reply call_packed(std::string_view method, const client::Params& params) const;
  client::Call shape_of(std::string_view method) const;
  client::Handle server_handle() const;

  template <typename R>
  static R decoded(std::string_view method, const client::Reply& reply) {
    const Keeping keeping(reply.keep);
    auto result = unpack<R>(*reply);
    if (!result) client::throw_mismatch(method, {}, result.failure());
    return std::move(*result);
  }

  std::shared_ptr<client::PrivateServer> private_server_;
  std::shared_ptr<client::Client> client_;
};

}  // namespace agora
