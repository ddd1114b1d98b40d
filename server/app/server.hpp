// Server: builds every part and joins them. What agorad runs, what an embedding program starts in
// a thread of its own, and what tests run in a loop of theirs.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "server/objects/user/user_type.hpp"
#include "shared/base/limits.hpp"

namespace agora {

class Clock;
class Journal;

struct ServerOptions {
  /// "HOST:PORT" on loopback, port 0 for a free one; nothing: no TCP.
  std::optional<std::string> tcp = "127.0.0.1:7117";
  /// A path; nothing: no Unix socket.
  std::optional<std::string> unix_path;
  Limits limits{};
  /// The program's own types beside those that agora has; see server/objects/user/user_type.hpp.
  user_types_list types;
  /// A pidfd: the server ends when that process has ended. -1: none. The server owns it.
  int owner_fd = -1;
  /// Also remove the Unix socket's directory at the end, if it is empty.
  bool remove_directory = false;
  /// Storage that programs of the same user on this host can map, where the system allows that.
  bool shared_memory = true;
  /// One line for each event that an operator should know of; default: nowhere.
  std::function<void(const std::string&)> log;

  // For tests: another clock, another journal. They must outlive the server.
  Clock* clock = nullptr;
  Journal* journal = nullptr;
};

/// "$XDG_RUNTIME_DIR/agora/agora.sock", else "/run/agora/agora.sock".
std::string default_unix_path();

/// One server. Made, listening already; `run` serves.
class Server {
 public:
  /// @throws std::runtime_error  one clear line: port taken, live socket, no such directory ...
  /// @throws std::invalid_argument  a user type that cannot be one.
  explicit Server(ServerOptions options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// "ready tcp=127.0.0.1:7117 unix=/path"; what is off is left out.
  std::string ready_line() const;
  std::string tcp_address() const;   ///< "" if off
  std::string unix_address() const;  ///< "" if off

  /// Serves until stop(), a signal (see take_signals) or server.shutdown; then ends all sessions,
  /// sends what can be sent, removes the socket and returns.
  void run();
  /// Has SIGTERM and SIGINT end run(), from now on.
  void take_signals();
  /// Runs what is ready and returns at once: for tests that have a loop of their own.
  /// @return how many handlers ran.
  std::size_t poll();
  /// Makes run() return. Any thread.
  void stop();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace agora
