// SPDX-License-Identifier: MIT

// PrivateServer: a server process that one program starts for itself, on a socket that only its
// user can reach.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <sys/types.h>

namespace agora::detail {

class PrivateServer {
 public:
  /// Starts `agorad` and waits until it accepts connections. The server watches this process and
  /// exits when this process has exited, for whatever reason.
  /// @param timeout  how long the start may take
  /// @throws unavailable  agorad was not found (the message lists the folders searched), or did not
  /// start.
  static std::shared_ptr<PrivateServer> start(std::chrono::nanoseconds timeout);

  /// Ends the server with SIGTERM, and after 5 s with SIGKILL, waits for its exit, and removes the
  /// folder of its socket. Does none of this in a forked child.
  ~PrivateServer();
  PrivateServer(const PrivateServer&) = delete;
  PrivateServer& operator=(const PrivateServer&) = delete;

  /// Returns true once the server's process has exited. Never waits. Any process, any thread.
  bool gone() const;
  /// Returns `unix:/path/agora.sock`.
  std::string address() const { return "unix:" + folder_ + "/agora.sock"; }

 private:
  PrivateServer();
  void spawn(const std::string& program);
  void wait_until_ready(std::chrono::nanoseconds timeout);
  void send_signal(int number);
  bool wait_exited(int milliseconds);
  void close_descriptors();

  const std::uint64_t creator_;  // the epoch of the process that may end it
  std::string folder_;           // mode 0700; empty if none was made
  pid_t pid_ = -1;
  int pidfd_ = -1;
  int output_ = -1;  // its standard output, until it is ready
};

}  // namespace agora::detail
