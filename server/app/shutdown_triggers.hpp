// SPDX-License-Identifier: MIT

// Shutdown triggers: a signal, the end of the process that owns the server, or another thread.
#pragma once

#include <csignal>
#include <functional>

#include <asio/basic_signal_set.hpp>

#include "server/net/descriptor.hpp"
#include "server/net/io_objects.hpp"

namespace agora {

/// Calls `end` in the server's thread when SIGTERM or SIGINT arrives. A process may have one at a
/// time, and no other asio::signal_set beside it. Its destructor restores the former handlers.
class SignalWatcher {
 public:
  /// @throws std::system_error  no descriptors left.
  /// @throws std::logic_error  the program has an asio::signal_set already.
  SignalWatcher(asio::io_context& io, std::function<void()> end);
  ~SignalWatcher();
  SignalWatcher(const SignalWatcher&) = delete;
  SignalWatcher& operator=(const SignalWatcher&) = delete;

 private:
  void wait();

  std::function<void()> end_;
  struct sigaction terminate_before_ {};
  struct sigaction interrupt_before_ {};
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
