// SPDX-License-Identifier: MIT

// semaphore: shared permits, like std::counting_semaphore.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include <agora/any_io.hpp>
#include <agora/proxy.hpp>

namespace agora {

/// Options of a semaphore; used only if the call of the factory creates the object.
struct semaphore_options {
  /// The most free permits there may be; nullopt means no bound.
  std::optional<std::int64_t> bound = {};
  /// True: permits come back when the session that took them ends. False is for a semaphore that is
  /// a signal: one session acquires permits, another releases them.
  bool owned = true;
};

/// Waiting is first come, first served over all processes: a waiter for many permits holds back the
/// waiters behind it. Any session may release: a release is booked against the permits that its own
/// session holds, and then against the longest held permits of other sessions. The permits that a
/// session still holds when it ends come back, unless the options say otherwise.
///
/// @code
/// auto slots = m.semaphore("download slots", 4);
/// slots.acquire();
/// download();
/// slots.release();
/// @endcode
class semaphore : public proxy {
 public:
  /// Called by a manager's factory; see manager::semaphore.
  explicit semaphore(detail::ObjectHandle handle) : proxy(std::move(handle)) {}

  /// Takes permits in one step; waits for them without a timeout.
  /// @param permits  at least 1, else value_error
  void acquire(std::int64_t permits = 1) const { acquire_by(permits, std::nullopt); }
  /// Takes permits without waiting. Returns false if fewer are free, or if another caller waits.
  bool try_acquire(std::int64_t permits = 1) const {
    return acquire_by(permits, detail::Seconds::zero());
  }
  template <typename Rep, typename Period>
  bool try_acquire_for(std::chrono::duration<Rep, Period> span, std::int64_t permits = 1) const {
    return acquire_by(permits, detail::timeout_of(span));
  }
  template <typename Clock, typename Span>
  bool try_acquire_until(std::chrono::time_point<Clock, Span> when,
                         std::int64_t permits = 1) const {
    return acquire_by(permits, detail::timeout_until(when));
  }
  /// Gives permits back. Also adds permits that no session had taken.
  /// @throws value_error  fewer than 1, or more than the bound allows; nothing was changed.
  void release(std::int64_t permits = 1) const {
    call<void>(detail::methods::semaphore_release, permits);
  }
  /// Returns how many permits are free.
  std::int64_t value() const { return call<std::int64_t>(detail::methods::semaphore_value); }

  // ---- asynchronous forms: the last argument is a completion token, see async.hpp

  /// Completes with true.
  template <typename Token>
  auto async_acquire(std::int64_t permits, Token&& token) const {
    return async_acquire_by(permits, {}, token);
  }
  template <typename Token>
  auto async_try_acquire(std::int64_t permits, Token&& token) const {
    return async_acquire_by(permits, detail::Seconds::zero(), token);
  }
  template <typename Rep, typename Period, typename Token>
  auto async_try_acquire_for(std::chrono::duration<Rep, Period> span, std::int64_t permits,
                             Token&& token) const {
    return async_acquire_by(permits, detail::timeout_of(span), token);
  }
  template <typename Token>
  auto async_release(std::int64_t permits, Token&& token) const {
    return async_call<void>(detail::methods::semaphore_release, token, permits);
  }
  template <typename Token>
  auto async_value(Token&& token) const {
    return async_call<std::int64_t>(detail::methods::semaphore_value, token);
  }

 private:
  bool acquire_by(std::int64_t permits, const detail::Timeout& timeout) const {
    return call<bool>({detail::methods::semaphore_acquire, timeout}, permits, timeout);
  }
  template <typename Token>
  auto async_acquire_by(std::int64_t permits, const detail::Timeout& timeout, Token&& token) const {
    return async_call<bool>({detail::methods::semaphore_acquire, timeout}, token, permits, timeout);
  }
};

}  // namespace agora
