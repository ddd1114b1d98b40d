// SPDX-License-Identifier: MIT

// Loop: the event loop of the I/O thread: descriptors (epoll), timers and posted tasks. All calls
// come from that thread, except post_threadsafe().
//
// A pass serves the ready descriptors, up to kPassMax, then the tasks that were posted before, then
// the timers that are due. A task that is posted while a descriptor is served therefore runs after
// all descriptors that were ready with it. docs/decisions/0013 tells why no library is used.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <sys/epoll.h>
#include <vector>

#include "server/net/descriptor.hpp"

namespace agora {

class Loop {
 public:
  using Moment = std::chrono::steady_clock::time_point;
  using Task = std::function<void()>;

  /// The handler of a descriptor.
  class Watcher {
   public:
    /// Handles a ready descriptor. The watcher may be destroyed within the call.
    /// @param events  epoll's: EPOLLIN, EPOLLOUT, EPOLLHUP ...
    virtual void on_ready(std::uint32_t events) = 0;

   protected:
    ~Watcher() = default;
  };

  /// A source of work that has no descriptor, such as rings in shared memory.
  class Sleeper {
   public:
    /// Called before the loop waits. Returns false if it did work or has more: the loop then polls
    /// its descriptors without waiting.
    virtual bool may_sleep() = 0;

   protected:
    ~Sleeper() = default;
  };

  /// @throws std::system_error  no descriptors left.
  Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Watches for these events: level-triggered, unless they include EPOLLET. The watcher must exist
  /// until remove().
  /// @throws std::system_error  the kernel is out of memory, or epoll does not support the file.
  void add(int fd, std::uint32_t events, Watcher& watcher);
  /// Replaces the events that are watched for.
  void change(int fd, std::uint32_t events, Watcher& watcher);
  /// Ends the watch, also for events that this pass has found already. Call it before fd is closed.
  void remove(int fd, Watcher& watcher);

  /// Calls the sleeper before each wait. The sleeper must outlive the loop's last pass.
  void ask_before_sleep(Sleeper& sleeper) { sleeper_ = &sleeper; }

  /// Runs the task in the I/O thread, after the descriptors that are ready now.
  void post(Task task) { tasks_.push_back(std::move(task)); }
  /// The same, callable from any thread.
  void post_threadsafe(Task task);

  /// Runs until stop().
  void run();
  /// Runs all that is ready and returns at once. @return how many events, tasks and timers ran
  std::size_t poll();
  /// Makes run() return after the present pass.
  void stop() { stopped_ = true; }

 private:
  friend class Timer;
  static constexpr std::size_t kPassMax = 256;
  using Timers = std::multimap<Moment, class Timer*>;

  /// Wakes the loop when another thread has posted a task.
  struct WakeFd : Watcher {
    explicit WakeFd(Loop& its_loop) : loop(its_loop) {}
    void on_ready(std::uint32_t events) override;
    Loop& loop;
  };
  /// Wakes the loop when the first timer may be due. A timerfd that stays armed saves a system call
  /// for each wait.
  struct TimerFd : Watcher {
    explicit TimerFd(Loop& its_loop) : loop(its_loop) {}
    void on_ready(std::uint32_t events) override;
    /// Arms the timerfd for `when`, unless it is armed for an earlier time. An early wake-up costs
    /// one pass; a late one misses a deadline.
    void arm(Moment when);
    Loop& loop;
    std::optional<Moment> armed_for{};
  };

  std::size_t pass(bool may_wait);
  int wait(bool may_wait);
  std::size_t run_tasks();
  std::size_t run_timers();

  Descriptor epoll_;
  Descriptor event_;  // eventfd of wake_fd_
  Descriptor clock_;  // timerfd of timer_fd_
  WakeFd wake_fd_{*this};
  TimerFd timer_fd_{*this};
  std::array<epoll_event, kPassMax> ready_{};
  std::span<epoll_event> left_;  // of ready_: not handled yet
  std::vector<Task> tasks_;
  std::vector<Task> running_;  // a member to reuse its memory
  Timers timers_;
  Sleeper* sleeper_ = nullptr;
  bool stopped_ = false;

  std::mutex threadsafe_mutex_;
  std::vector<Task> threadsafe_tasks_;  // guarded by threadsafe_mutex_
};

/// Calls back once at a time that can be changed. All calls come from the I/O thread.
class Timer {
 public:
  Timer(Loop& loop, Loop::Task callback) : loop_(loop), callback_(std::move(callback)) {}
  ~Timer() { cancel(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  /// Sets the time, in place of an earlier one.
  void set(Loop::Moment when);
  void cancel();

 private:
  friend class Loop;
  Loop& loop_;
  Loop::Task callback_;
  Loop::Timers::iterator entry_;
  bool is_set_ = false;
};

}  // namespace agora
