// PrivateServer: a server process of one program's own, on a socket that only its user can reach.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <sys/types.h>

namespace agora::detail {

class PrivateServer {
 public:
  /// Starts `agorad` and waits until it accepts connections. It watches this process, and ends by
  /// itself when this process is gone, however that ends.
  /// @param patience  how long it may take to start
  /// @throws unavailable  not found (the message lists where it was sought), or not started.
  static std::shared_ptr<PrivateServer> start(std::chrono::nanoseconds patience);

  /// In the process that started it: SIGTERM, wait, and after 5 s SIGKILL; removes the folder of
  /// its socket. In a forked child: nothing.
  ~PrivateServer();
  PrivateServer(const PrivateServer&) = delete;
  PrivateServer& operator=(const PrivateServer&) = delete;

  /// True once the server's process has ended. Looks, does not wait; any process, any thread.
  bool gone() const;
  /// `unix:/...`
  std::string address() const { return "unix:" + folder_ + "/agora.sock"; }

 private:
  PrivateServer();
  void spawn(const std::string& program);
  void wait_until_ready(std::chrono::nanoseconds patience);
  void send_signal(int number);
  bool wait_ended(int milliseconds);
  void close_descriptors();

  const std::uint64_t creator_;  // the process that may end it
  std::string folder_;           // mode 0700; empty: none made
  pid_t pid_ = -1;
  int pidfd_ = -1;
  int output_ = -1;  // its standard output, until it is ready
};

}  // namespace agora::detail
