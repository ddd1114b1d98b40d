// SPDX-License-Identifier: MIT

// Shutdown triggers: a signal, or the end of the process that owns the server. SIGHUP is none.
#pragma once

#include <csignal>
#include <functional>

#include "server/net/loop.hpp"

namespace agora {

/// Calls `end` from the loop when SIGTERM or SIGINT arrives, and `hang_up` when SIGHUP does. A
/// process may have one at a time. Its destructor restores the former handlers.
class SignalWatcher final : private Loop::Watcher {
 public:
  /// @throws std::system_error  no descriptors left.
  SignalWatcher(Loop& loop, std::function<void()> end, std::function<void()> hang_up);
  ~SignalWatcher();
  SignalWatcher(const SignalWatcher&) = delete;
  SignalWatcher& operator=(const SignalWatcher&) = delete;

 private:
  void on_ready(std::uint32_t) override;

  Loop& loop_;
  std::function<void()> end_;
  std::function<void()> hang_up_;
  Descriptor event_;
  struct sigaction terminate_before_ {};
  struct sigaction interrupt_before_ {};
  struct sigaction hang_up_before_ {};
};

/// Calls `end` from the loop when the process of a pidfd ends.
class ParentWatcher final : private Loop::Watcher {
 public:
  /// @throws std::runtime_error  the descriptor cannot be watched.
  ParentWatcher(Loop& loop, Descriptor pidfd, std::function<void()> end);
  ~ParentWatcher();
  ParentWatcher(const ParentWatcher&) = delete;
  ParentWatcher& operator=(const ParentWatcher&) = delete;

 private:
  void on_ready(std::uint32_t) override { end_(); }

  Loop& loop_;
  Descriptor pidfd_;
  std::function<void()> end_;
};

}  // namespace agora
