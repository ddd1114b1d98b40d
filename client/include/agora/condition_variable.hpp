// SPDX-License-Identifier: MIT

// condition_variable: a waiter releases the lock and sleeps until another owner notifies it.
#pragma once

#include <chrono>
#include <concepts>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include <agora/any_io.hpp>
#include <agora/deprecated.hpp>
#include <agora/lock_grant.hpp>
#include <agora/proxy.hpp>
#include <agora/recursive_mutex.hpp>

namespace agora {

namespace detail {

/// The locks with which a condition variable waits: std::unique_lock<recursive_mutex>, and the same
/// of a const recursive_mutex.
template <typename AnyLock>
concept ConditionLock = std::same_as<AnyLock, std::unique_lock<recursive_mutex>> ||
    std::same_as<AnyLock, std::unique_lock<const recursive_mutex>>;

}  // namespace detail

/// Like std::condition_variable_any, but it belongs to one lock, mutex(). A waiter waits with that
/// lock only, and a notifier must hold it. A wait releases all levels of the lock, and takes them
/// again before it returns, even if that takes longer than its timeout. A notify whose receiver
/// ends or is cancelled before it has the lock again passes to the next waiter. A notify without a
/// waiter is lost, so wait with a predicate:
///
/// @code
/// std::unique_lock hold(ready.mutex());
/// ready.wait(hold, [&] { return !jobs.empty(); });
/// @endcode
///
/// If the wait fails (session_lost, cancelled, not_found: the object was deleted) the lock is not
/// held any more, and `lock` owns nothing. The asynchronous forms take a lock_grant instead of a
/// thread's lock.
class condition_variable : public proxy {
 public:
  using lock_type = std::unique_lock<recursive_mutex>;
  /// In a lambda that captures by copy, the condition and its mutex() are const.
  using const_lock_type = std::unique_lock<const recursive_mutex>;
  using Lock AGORA_DEPRECATED("use lock_type") = lock_type;

  /// Called by a manager's factory; see manager::condition.
  condition_variable(detail::ObjectHandle handle, recursive_mutex its_mutex)
      : proxy(std::move(handle)), mutex_(std::move(its_mutex)) {}

  /// Returns its lock, which other conditions may share.
  const recursive_mutex& mutex() const { return mutex_; }
  recursive_mutex& mutex() { return mutex_; }

  /// Waits without a timeout for a notify. All waits take a lock_type or a const_lock_type.
  /// @throws runtime_error  `lock` is not of mutex(), or does not hold it.
  template <detail::ConditionLock AnyLock>
  void wait(AnyLock& lock) const {
    wait_by(lock, std::nullopt);
  }
  template <detail::ConditionLock AnyLock, typename Predicate>
  void wait(AnyLock& lock, Predicate holds) const {
    while (!holds()) wait(lock);
  }
  /// Waits for that time at most. @throws value_error  the time is NaN.
  template <detail::ConditionLock AnyLock, typename Rep, typename Period>
  std::cv_status wait_for(AnyLock& lock, std::chrono::duration<Rep, Period> span) const {
    return wait_by(lock, detail::timeout_of(span));
  }
  /// Returns the last result of the predicate.
  template <detail::ConditionLock AnyLock, typename Rep, typename Period, typename Predicate>
  bool wait_for(AnyLock& lock, std::chrono::duration<Rep, Period> span, Predicate holds) const {
    using Steady = std::chrono::steady_clock;
    const detail::Timeout timeout = detail::timeout_of(span);
    if (!timeout) return wait(lock, std::move(holds)), true;
    const auto until = Steady::now() + std::chrono::duration_cast<Steady::duration>(*timeout);
    return wait_until(lock, until, std::move(holds));
  }
  template <detail::ConditionLock AnyLock, typename Clock, typename Span>
  std::cv_status wait_until(AnyLock& lock, std::chrono::time_point<Clock, Span> when) const {
    return wait_by(lock, detail::timeout_until(when));
  }
  template <detail::ConditionLock AnyLock, typename Clock, typename Span, typename Predicate>
  bool wait_until(AnyLock& lock, std::chrono::time_point<Clock, Span> when, Predicate holds) const {
    while (!holds()) {
      if (wait_until(lock, when) == std::cv_status::timeout) return holds();
    }
    return true;
  }

  /// Wakes the waiter that has waited longest. Unlike in the standard library the calling thread
  /// must hold the lock. @throws runtime_error  it does not.
  void notify_one() const { notify(1); }
  /// Wakes the `n` waiters that have waited longest, or all if there are fewer.
  void notify(std::int64_t n) const;
  void notify_all() const;

  // ---- asynchronous forms: the last argument is a completion token, see async.hpp

  /// Releases the lock, waits for a notify, takes the lock again, and completes with its grant:
  ///
  /// @code
  /// agora::lock_grant held = co_await ready.mutex().async_lock(asio::use_awaitable);
  /// while (jobs.empty()) held = co_await ready.async_wait(std::move(held), use_awaitable);
  /// @endcode
  ///
  /// If the wait fails the lock is not held any more.
  /// @throws runtime_error  at once: `held` is empty, or of another lock than mutex().
  template <typename Token>
  auto async_wait(lock_grant held, Token&& token) const {
    return async_wait_by<lock_grant>(
        std::move(held), {}, [](lock_grant again, bool) { return again; }, token);
  }
  /// As async_wait, but also takes the lock again when the time is over. Completes with the grant,
  /// and with cv_status::timeout if no notify came.
  template <typename Rep, typename Period, typename Token>
  auto async_wait_for(lock_grant held, std::chrono::duration<Rep, Period> span,
                      Token&& token) const {
    using Result = std::pair<lock_grant, std::cv_status>;
    return async_wait_by<Result>(
        std::move(held), detail::timeout_of(span),
        [](lock_grant again, bool notified) {
          return Result(std::move(again),
                        notified ? std::cv_status::no_timeout : std::cv_status::timeout);
        },
        token);
  }
  /// As notify_one(), notify() and notify_all(), by the owner of that grant, which keeps it.
  /// @throws runtime_error  at once: `held` is empty, or of another lock than mutex().
  template <typename Token>
  auto async_notify_one(const lock_grant& held, Token&& token) const {
    return async_notify(held, 1, token);
  }
  template <typename Token>
  auto async_notify(const lock_grant& held, std::int64_t n, Token&& token) const {
    return async_call<void>(detail::methods::condition_notify, token, n, owner_of(held));
  }
  template <typename Token>
  auto async_notify_all(const lock_grant& held, Token&& token) const {
    return async_call<void>(detail::methods::condition_notify_all, token, owner_of(held));
  }

 private:
  template <typename AnyLock>
  std::cv_status wait_by(AnyLock& lock, const detail::Timeout& timeout) const;
  bool wait_held(const recursive_mutex* locked, const detail::Timeout& timeout, bool& lost) const;
  const std::string& owner_of(const lock_grant& held) const;
  [[noreturn]] void throw_foreign() const;
  bool waited(lock_grant& held, detail::Reply reply) const;

  template <typename R, typename Result, typename Token>
  auto async_wait_by(lock_grant held, const detail::Timeout& timeout, Result result,
                     Token&& token) const {
    const std::string owner = owner_of(held);
    return async_make<R>(
        detail::methods::condition_wait,
        [condition = *this, kept = std::make_shared<lock_grant>(std::move(held)),
         result](detail::Reply reply) {
          const bool notified = condition.waited(*kept, std::move(reply));
          return result(std::move(*kept), notified);
        },
        token, timeout, owner);
  }

  recursive_mutex mutex_;
};

// ---- implementation ------------------------------------------------------------------------

template <typename AnyLock>
std::cv_status condition_variable::wait_by(AnyLock& lock, const detail::Timeout& timeout) const {
  bool lost = false;
  try {
    const recursive_mutex* const locked = lock.owns_lock() ? lock.mutex() : nullptr;
    const bool notified = wait_held(locked, timeout, lost);
    return notified ? std::cv_status::no_timeout : std::cv_status::timeout;
  } catch (...) {
    if (lost) lock.release();
    throw;
  }
}

}  // namespace agora
