// SPDX-License-Identifier: MIT

// process: a forked child that runs a callable; multiprocessing.Process in C++.
#pragma once

#include <chrono>
#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <sys/types.h>
#include <tuple>
#include <type_traits>
#include <utility>

#include <agora/detail/handle.hpp>

namespace agora {

/// A child process, forked at construction. Move-only; the destructor joins, as that of
/// std::jthread does. One thread at a time may use one object, as with std::thread.
///
/// @code
/// auto jobs = m.queue<int>("jobs");
/// agora::process worker([=] { while (auto job = jobs.pop_for(1s)) run(*job); });
/// @endcode
///
/// Proxies and managers work in the child. Before the constructor returns in the parent, the child
/// has its own connections and holds every anonymous object that it inherited. Other threads of the
/// parent do not exist in the child, so a mutex that they had locked stays locked there. That does
/// not affect agora: the child makes its own state. The child ends with _exit: no destructor of the
/// parent's objects and no atexit handler runs in it.
class process {
 public:
  /// Runs `callable(arguments...)` in the child. The exit code of the child is the callable's
  /// result if that is an int, else 0. After an exception it is 1, and standard error says
  /// `agora::process: <what>`. Standard output is flushed before the fork and at the end.
  /// @throws std::system_error  fork failed.
  template <typename F, typename... A>
  requires(!std::same_as<std::remove_cvref_t<F>, process> &&
           std::invocable<F&, A&...>) explicit process(F&& callable, A&&... arguments) {
    start([f = std::forward<F>(callable),
           a = std::tuple<std::decay_t<A>...>(std::forward<A>(arguments)...)]() mutable -> int {
      using Result = std::invoke_result_t<F&, std::decay_t<A>&...>;
      if constexpr (std::same_as<Result, int>) {
        return std::apply(f, a);
      } else {
        std::apply(f, a);
        return 0;
      }
    });
  }

  process(process&& other) noexcept;
  /// Joins the process that was here.
  process& operator=(process&& other) noexcept;
  process(const process&) = delete;
  process& operator=(const process&) = delete;
  /// Joins.
  ~process();

  /// Waits until the child has ended.
  void join();
  /// Waits for that time. Returns false if the child still runs.
  template <typename Rep, typename Period>
  bool join_for(std::chrono::duration<Rep, Period> span) {
    return join_within(detail::timeout_of(span));
  }
  /// Returns nullopt while the child runs. A negative number is the signal that ended it. 255 means
  /// that other code of this process, such as a handler of SIGCHLD, has reaped the child.
  std::optional<int> exit_code();
  bool is_alive() { return !exit_code().has_value(); }
  /// Sends SIGTERM if the child still runs.
  void terminate() { send_signal(15); }
  /// Sends SIGKILL if the child still runs.
  void kill() { send_signal(9); }
  pid_t pid() const { return pid_; }

 private:
  struct Body {
    virtual ~Body() = default;
    virtual int run() = 0;
  };
  template <typename F>
  struct BodyOf : Body {
    explicit BodyOf(F f) : callable(std::move(f)) {}
    int run() override { return callable(); }
    F callable;
  };
  template <typename F>
  void start(F callable) {
    BodyOf<F> body(std::move(callable));
    start_body(body);
  }

  void start_body(Body& body);
  bool join_within(const detail::Timeout& timeout);
  void send_signal(int number);
  bool reap(int options);

  pid_t pid_ = -1;
  int pidfd_ = -1;
  std::uint64_t creator_ = 0;  // the process that forked it and may join it
  std::optional<int> code_;
};

}  // namespace agora
