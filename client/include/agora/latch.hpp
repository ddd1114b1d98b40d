// SPDX-License-Identifier: MIT

// latch: a count that goes down to zero once, like std::latch.
#pragma once

#include <chrono>
#include <cstdint>
#include <utility>

#include <agora/any_io.hpp>
#include <agora/proxy.hpp>

namespace agora {

class latch : public proxy {
 public:
  /// Called by a manager's factory; see manager::latch.
  explicit latch(detail::ObjectHandle handle) : proxy(std::move(handle)) {}

  /// @throws value_error  less than 1, or more than is left; nothing was changed.
  void count_down(std::int64_t n = 1) const { call<void>(detail::methods::latch_count_down, n); }
  /// Returns true if the count is zero.
  bool try_wait() const { return wait_by(detail::Seconds::zero()); }
  /// Waits without a timeout until the count is zero.
  void wait() const { wait_by(std::nullopt); }
  /// Returns false if the count was not zero by then.
  template <typename Rep, typename Period>
  bool wait_for(std::chrono::duration<Rep, Period> span) const {
    return wait_by(detail::timeout_of(span));
  }
  /// Makes two calls: if the second fails, the first has happened. @throws as count_down().
  void arrive_and_wait(std::int64_t n = 1) const {
    count_down(n);
    wait();
  }
  /// Returns the count that is left.
  std::int64_t count() const { return call<std::int64_t>(detail::methods::latch_count); }

  // ---- asynchronous forms: the last argument is a completion token, see async.hpp

  template <typename Token>
  auto async_count_down(std::int64_t n, Token&& token) const {
    return async_call<void>(detail::methods::latch_count_down, token, n);
  }
  template <typename Token>
  auto async_try_wait(Token&& token) const {
    return async_wait_by(detail::Seconds::zero(), token);
  }
  /// Completes with true.
  template <typename Token>
  auto async_wait(Token&& token) const {
    return async_wait_by({}, token);
  }
  template <typename Rep, typename Period, typename Token>
  auto async_wait_for(std::chrono::duration<Rep, Period> span, Token&& token) const {
    return async_wait_by(detail::timeout_of(span), token);
  }
  template <typename Token>
  auto async_count(Token&& token) const {
    return async_call<std::int64_t>(detail::methods::latch_count, token);
  }

 private:
  bool wait_by(const detail::Timeout& timeout) const {
    return call<bool>({detail::methods::latch_wait, timeout}, timeout);
  }
  template <typename Token>
  auto async_wait_by(const detail::Timeout& timeout, Token&& token) const {
    return async_call<bool>({detail::methods::latch_wait, timeout}, token, timeout);
  }
};

}  // namespace agora
