// SPDX-License-Identifier: MIT

// Server: builds and connects all parts of a server. agorad runs one, an embedding program starts
// one in a thread of its own, and tests poll one.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/objects/user/user_type.hpp"
#include "server/tls/tls_files.hpp"
#include "shared/base/limits.hpp"

namespace agora {

class Clock;
class Journal;

struct ServerOptions {
  /// "HOST:PORT" on loopback, port 0 for a free one; nullopt for no TCP.
  std::optional<std::string> tcp = "127.0.0.1:7117";
  /// Further such addresses.
  std::vector<std::string> more_tcp;
  /// The path of a file with keys, by which clients on TCP log in; empty: none. See
  /// shared/auth/key_file.hpp.
  std::string key_file;
  /// Certificates, if TLS is served on the TCP address as well. With a client_ca, addresses beyond
  /// loopback are allowed.
  std::optional<TlsFiles> tls;
  /// Serves plain text on addresses beyond loopback too.
  bool allow_plaintext = false;
  /// A path; nullopt for no Unix socket.
  std::optional<std::string> unix_path;
  /// The members of this group may use the Unix socket, as `write`; empty: none.
  std::string unix_group;
  Limits limits{};
  /// The program's own types beside agora's; see server/objects/user/user_type.hpp.
  user_types_list types;
  /// A pidfd, which the server takes over: the server ends when that process has ended. -1: none.
  int owner_fd = -1;
  /// Removes the Unix socket's directory when the server ends, if it is empty.
  bool remove_directory = false;
  /// Stores objects in memory that programs of the same user on this host can map, where the system
  /// allows that.
  bool shared_memory = true;
  /// Receives one line for each event that an operator should know of, in the thread of run(). It
  /// must not block. Events that clients can cause come once a minute at most, with a sum. Not
  /// logged by default.
  std::function<void(const std::string&)> log;

  // For tests: a clock and a journal in place of the usual ones. They must outlive the server.
  Clock* clock = nullptr;
  Journal* journal = nullptr;
};

/// Returns "$XDG_RUNTIME_DIR/agora/agora.sock", or "/run/agora/agora.sock" without that variable.
std::string default_unix_path();

/// One server. It listens once it is constructed; run() serves.
class Server {
 public:
  /// @throws std::runtime_error  with one line: port in use, live socket, no such directory ...
  /// @throws std::invalid_argument  an invalid user type, or one whose name is taken.
  explicit Server(ServerOptions options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Returns "ready tcp=127.0.0.1:7117 unix=/path", without the parts that are off.
  std::string ready_line() const;
  std::string tcp_address() const;   ///< the first one; "" if off
  std::string unix_address() const;  ///< "" if off

  /// Serves until stop(), a signal (see take_signals), the end of the owner process or
  /// server.shutdown. Then it ends all sessions, sends what the sockets take, removes the Unix
  /// socket and returns.
  void run();
  /// Makes SIGTERM and SIGINT end run(), from now on. SIGHUP reads the keys and the TLS
  /// certificates again and ends nothing. Only one server of a process may take them. A child that
  /// fork() makes inherits the handlers, whose pipe it shares with its parent: it must set its own
  /// dispositions first, or a signal for the child ends the server of the parent.
  void take_signals();
  /// Runs all that is ready and returns at once, for tests that have a loop of their own.
  /// @return how many events, tasks and timers ran
  std::size_t poll();
  /// Makes run() return. Callable from any thread.
  void stop();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace agora
