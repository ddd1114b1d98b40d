// CallbackThread: the one thread of a client on which its user's code runs: handlers without an
// executor of their own, on_lost, watchers.
//
// It does nothing else. So a callback may make calls, and wait for them over a broken connection,
// while the session's I/O thread reads, gives signs of life and reconnects.
#pragma once

#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include "shared/base/expected.hpp"

namespace agora::detail {

class CallbackThread {
 public:
  /// One thing to tell. `owner_lives` is false if the client has ended in the job before: nothing
  /// of it may be touched then.
  struct Job {
    virtual ~Job() = default;
    virtual void run(bool owner_lives) noexcept = 0;
  };

  CallbackThread();
  CallbackThread(const CallbackThread&) = delete;
  CallbackThread& operator=(const CallbackThread&) = delete;

  /// Starts the thread if there is none yet, so that whatever is posted will run.
  /// @error unavailable  the system gives no thread; nothing was changed.
  Expected<void> ready();

  /// The job runs on the thread, behind those that were posted before. Any thread, never waits.
  void post(std::unique_ptr<Job> job);
  /// The same for what is called with `owner_lives`; it must not throw.
  template <typename Tell>
  void post(Tell tell) {
    struct Told : Job {
      explicit Told(Tell its_tell) : what(std::move(its_tell)) {}
      void run(bool owner_lives) noexcept override { what(owner_lives); }
      Tell what;
    };
    post(std::unique_ptr<Job>(std::make_unique<Told>(std::move(tell))));
  }

  /// The owner ends. What was posted is run still; waits until it was, unless this is that thread:
  /// then the rest is told, behind the present job, that the owner is gone. Nothing is posted
  /// afterwards. Once.
  void stop() noexcept;

 private:
  struct State;

  const std::shared_ptr<State> state_;  // shared with the thread, which may outlive the owner
};

}  // namespace agora::detail
