// SPDX-License-Identifier: MIT

// Shutdown triggers: a signal, the end of the process that owns the server, or another thread.
// SIGHUP is none.
#pragma once

#include <array>
#include <csignal>
#include <functional>

#include <asio/basic_signal_set.hpp>

#include "server/net/descriptor.hpp"
#include "server/net/io_objects.hpp"

namespace agora {

/// Calls `end` in the server's thread when SIGTERM or SIGINT arrives, and `hang_up` when SIGHUP
/// does. A process may have one at a time, and no other asio::signal_set beside it. Its destructor
/// restores the former handlers.
class SignalWatcher {
 public:
  /// @throws std::system_error  no descriptors left.
  /// @throws std::logic_error  the program has an asio::signal_set already.
  SignalWatcher(asio::io_context& io, std::function<void()> end, std::function<void()> hang_up);
  ~SignalWatcher();
  SignalWatcher(const SignalWatcher&) = delete;
  SignalWatcher& operator=(const SignalWatcher&) = delete;

 private:
  void wait();

  static constexpr std::array kSignals{SIGTERM, SIGINT, SIGHUP};

  std::function<void()> end_;
  std::function<void()> hang_up_;
  std::array<struct sigaction, 3> before_{};  // of kSignals
  asio::basic_signal_set<IoExecutor> signals_;
};

/// Calls `end` in the server's thread when the process of a pidfd ends.
class ParentWatcher {
 public:
  /// @throws std::runtime_error  the descriptor cannot be watched.
  ParentWatcher(asio::io_context& io, Descriptor pidfd, std::function<void()> end);

 private:
  PolledDescriptor pidfd_;
};

/// Calls `end` in the server's thread when any thread calls notify(). It is an eventfd: Asio's
/// post() may come from the server's own thread only, since the io_context locks nothing.
class StopEvent {
 public:
  /// @throws std::system_error  no descriptors left.
  StopEvent(asio::io_context& io, std::function<void()> end);
  void notify();

 private:
  PolledDescriptor event_;
};

}  // namespace agora
