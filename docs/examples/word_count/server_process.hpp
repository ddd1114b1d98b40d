// SPDX-License-Identifier: MIT

// The demo's own server, reachable by Unix socket and by TCP.
#pragma once

#include <cstdint>
#include <string>
#include <sys/types.h>

namespace word_count {

/// Runs agorad as a child process, in a new folder that only this user may enter. The server ends
/// with this object, and with this process even if that is killed. A forked child must not destroy
/// the object.
class ServerProcess {
 public:
  /// Starts the program that AGORA_SERVER names, else agorad beside this program, and waits until
  /// it is ready.
  /// @throws std::runtime_error  the server did not start; the message says why.
  ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;
  /// Shuts the server down, and removes the folder with all its files.
  ~ServerProcess();

  std::string unix_address() const { return "unix:" + socket_path(); }
  std::string tcp_address() const { return "tcp://127.0.0.1:" + std::to_string(port_); }
  std::uint16_t port() const { return port_; }
  /// The folder of the server, removed with it.
  const std::string& folder() const { return folder_; }

 private:
  std::string socket_path() const { return folder_ + "/agora.sock"; }
  void start();
  void spawn(const std::string& program, int output, int owner);
  void read_ready_line(int output);
  void end();

  std::string folder_;
  pid_t pid_ = -1;
  std::uint16_t port_ = 0;
};

}  // namespace word_count
