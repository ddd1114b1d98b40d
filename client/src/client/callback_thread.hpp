// SPDX-License-Identifier: MIT

// CallbackThread: the one thread of a client that runs user code. It runs handlers without an
// executor of their own, and callbacks of on_lost, watch and subscribe.
//
// It does nothing else. So a callback may make calls, and wait for them over a broken connection,
// while the session's I/O thread reads, sends heartbeats and reconnects.
#pragma once

#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include "shared/base/expected.hpp"

namespace agora::detail {

class CallbackThread {
 public:
  /// A posted callback. `owner_lives` is false if an earlier job has destroyed the client: then the
  /// job must not use the client.
  struct Job {
    virtual ~Job() = default;
    virtual void run(bool owner_lives) noexcept = 0;
  };

  CallbackThread();
  CallbackThread(const CallbackThread&) = delete;
  CallbackThread& operator=(const CallbackThread&) = delete;

  /// Starts the thread if there is none yet, so that all posted jobs will run.
  /// @error unavailable  the system cannot start a thread; nothing has changed.
  Expected<void> start();
  /// As start. @throws unavailable  the system cannot start a thread.
  void start_or_throw();

  /// Posts a job to the thread. Jobs run in the order of posting. Any thread; never waits.
  void post(std::unique_ptr<Job> job);
  /// Posts a function that is called with `owner_lives` and must not throw.
  template <typename Function>
  void post(Function function) {
    struct FunctionJob : Job {
      explicit FunctionJob(Function its_function) : call(std::move(its_function)) {}
      void run(bool owner_lives) noexcept override { call(owner_lives); }
      Function call;
    };
    post(std::unique_ptr<Job>(std::make_unique<FunctionJob>(std::move(function))));
  }

  /// Ends the thread after all posted jobs. Waits until they have run, unless it is called on that
  /// thread: then the jobs behind the present one run later, with `owner_lives` false. If the
  /// thread was never started, runs the jobs itself. Call it once; nothing may be posted
  /// afterwards.
  void stop() noexcept;

 private:
  struct State;

  const std::shared_ptr<State> state_;  // shared with the thread, which may outlive the owner
};

}  // namespace agora::detail
