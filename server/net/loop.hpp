// Loop: waits for descriptors, times and tasks, and calls whoever wants to know. One thread; only
// post_threadsafe and stop may be called by others.
//
// Each pass takes what is ready, up to kPassMax descriptors, then the tasks that were posted
// before, then the timers that are due. So a task that is posted while a descriptor is served runs
// after all that were ready together with it. Why not a library's: docs/decisions/0013.
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

  /// Whoever is told that a descriptor is ready. It may end within the call.
  class Watcher {
   public:
    /// @param events  of epoll: EPOLLIN, EPOLLOUT, EPOLLHUP ...
    virtual void on_ready(std::uint32_t events) = 0;

   protected:
    ~Watcher() = default;
  };

  /// Whoever has work that no descriptor tells of.
  class Sleeper {
   public:
    /// Before the loop waits. False: there was work, look at everything again.
    virtual bool may_sleep() = 0;

   protected:
    ~Sleeper() = default;
  };

  /// @throws std::system_error  no descriptors left.
  Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Watches for these events for as long as they last; the watcher must stay until remove().
  /// @throws std::system_error  the kernel has no room for it, or it cannot be watched.
  void add(int fd, std::uint32_t events, Watcher& watcher);
  /// Watches for other events instead.
  void change(int fd, std::uint32_t events, Watcher& watcher);
  /// Nothing more is told, also of what this pass has found already. Before fd is closed.
  void remove(int fd, Watcher& watcher);

  /// Asks it before each sleep. It must outlive the loop's last pass.
  void ask_before_sleep(Sleeper& sleeper) { sleeper_ = &sleeper; }

  /// Runs the task in this thread, after what is ready now.
  void post(Task task) { tasks_.push_back(std::move(task)); }
  /// The same from any thread.
  void post_threadsafe(Task task);

  /// Runs until stop().
  void run();
  /// Runs what is ready and returns. @return how much there was
  std::size_t poll();
  /// Makes run() return after the pass that runs. Its own thread.
  void stop() { stopped_ = true; }

 private:
  friend class Timer;
  static constexpr std::size_t kPassMax = 256;
  using Timers = std::multimap<Moment, class Timer*>;

  /// Hears that somebody has posted from afar.
  struct Bell : Watcher {
    explicit Bell(Loop& its_loop) : loop(its_loop) {}
    void on_ready(std::uint32_t events) override;
    Loop& loop;
  };
  /// Hears that the first timer may be due. The kernel is told of a time once, not for each wait.
  struct Alarm : Watcher {
    explicit Alarm(Loop& its_loop) : loop(its_loop) {}
    void on_ready(std::uint32_t events) override;
    /// It rings at that time, or earlier: whoever rings late is worse.
    void set(Moment when);
    Loop& loop;
    std::optional<Moment> rings{};
  };

  std::size_t pass(bool may_wait);
  int wait(bool may_wait);
  std::size_t run_tasks();
  std::size_t run_timers();

  Descriptor epoll_;
  Descriptor event_;
  Descriptor clock_;
  Bell bell_{*this};
  Alarm alarm_{*this};
  std::array<epoll_event, kPassMax> ready_{};
  std::span<epoll_event> left_;  // of ready_: not told yet
  std::vector<Task> tasks_;
  std::vector<Task> running_;  // keeps its memory
  Timers timers_;
  Sleeper* sleeper_ = nullptr;
  bool stopped_ = false;

  std::mutex threadsafe_mutex_;
  std::vector<Task> threadsafe_tasks_;  // guarded by it
};

/// Calls once at a time that can be moved. Belongs to the loop's thread.
class Timer {
 public:
  Timer(Loop& loop, Loop::Task ring) : loop_(loop), ring_(std::move(ring)) {}
  ~Timer() { cancel(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  /// From now on for this time, and no other.
  void set(Loop::Moment when);
  void cancel();

 private:
  friend class Loop;
  Loop& loop_;
  Loop::Task ring_;
  Loop::Timers::iterator place_;
  bool is_set_ = false;
};

}  // namespace agora
