// condition_variable: wait, without the lock, until somebody says that something changed.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <utility>

#include <agora/any_io.hpp>
#include <agora/proxy.hpp>
#include <agora/recursive_mutex.hpp>

namespace agora {

/// Like std::condition_variable_any, but it belongs to one lock, mutex(): only that one may be
/// waited with, and whoever notifies must hold it. Waiting gives back all levels of the lock and
/// takes them again before it ends, past its time-out too. A notify goes to those who wait at that
/// moment and to nobody later: so wait with a predicate, as
///
///     std::unique_lock hold(ready.mutex());
///     ready.wait(hold, [&] { return !jobs.empty(); });
///
/// If waiting fails (session_lost, cancelled, not_found: the object was deleted) the lock is not
/// held any more, and `lock` owns nothing. There is no async_ form of waiting: its owner is a
/// thread.
class condition_variable : public proxy {
 public:
  using Lock = std::unique_lock<recursive_mutex>;

  /// From a manager's factory; see manager::condition.
  condition_variable(client::Handle handle, recursive_mutex its_mutex)
      : proxy(std::move(handle)), mutex_(std::move(its_mutex)) {}

  /// Its lock, which other objects may share.
  const recursive_mutex& mutex() const { return mutex_; }
  recursive_mutex& mutex() { return mutex_; }

  /// Waits, for ever, to be notified.
  /// @throws runtime_error  `lock` is not of mutex(), or does not hold it.
  void wait(Lock& lock) const { wait_by(lock, std::nullopt); }
  template <typename Predicate>
  void wait(Lock& lock, Predicate holds) const {
    while (!holds()) wait(lock);
  }
  template <typename Rep, typename Period>
  std::cv_status wait_for(Lock& lock, std::chrono::duration<Rep, Period> span) const {
    return wait_by(lock, client::timeout_of(span)) ? std::cv_status::no_timeout
                                                   : std::cv_status::timeout;
  }
  /// @return what the predicate says at the end.
  template <typename Rep, typename Period, typename Predicate>
  bool wait_for(Lock& lock, std::chrono::duration<Rep, Period> span, Predicate holds) const {
    if (!client::timeout_of(span)) return wait(lock, std::move(holds)), true;
    const auto span_here = std::chrono::duration_cast<std::chrono::steady_clock::duration>(span);
    return wait_until(lock, std::chrono::steady_clock::now() + span_here, std::move(holds));
  }
  template <typename Clock, typename Span>
  std::cv_status wait_until(Lock& lock, std::chrono::time_point<Clock, Span> when) const {
    return wait_for(lock, when - Clock::now());
  }
  template <typename Clock, typename Span, typename Predicate>
  bool wait_until(Lock& lock, std::chrono::time_point<Clock, Span> when, Predicate holds) const {
    while (!holds()) {
      if (wait_until(lock, when) == std::cv_status::timeout) return holds();
    }
    return true;
  }

  /// Wakes the one that has waited longest. Unlike in the standard library the calling thread must
  /// hold the lock. @throws runtime_error  it does not.
  void notify_one() const { notify(1); }
  /// Wakes those that have waited longest, `n` at most.
  void notify(std::int64_t n) const;
  void notify_all() const;

 private:
  bool wait_by(Lock& lock, const client::Timeout& timeout) const;
  void check(const Lock& lock) const;

  recursive_mutex mutex_;
};

}  // namespace agora
