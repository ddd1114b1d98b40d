// SPDX-License-Identifier: MIT

// event: a flag for which processes wait.
#pragma once

#include <chrono>
#include <utility>

#include <agora/any_io.hpp>
#include <agora/proxy.hpp>

namespace agora {

class event : public proxy {
 public:
  /// Called by a manager's factory; see manager::event.
  explicit event(detail::ObjectHandle handle) : proxy(std::move(handle)) {}

  /// Sets the flag and wakes all waiters.
  void set() const { call<void>(detail::methods::event_set); }
  void clear() const { call<void>(detail::methods::event_clear); }
  bool is_set() const {
    const auto flag = try_read_size(detail::ObjectKind::event);
    return flag ? *flag != 0 : call<bool>(detail::methods::event_is_set);
  }

  /// Waits without a timeout until the flag is set.
  void wait() const { wait_by(std::nullopt); }
  /// Returns false if the flag was not set by then.
  template <typename Rep, typename Period>
  bool wait_for(std::chrono::duration<Rep, Period> span) const {
    return wait_by(detail::timeout_of(span));
  }

  // ---- asynchronous forms: the last argument is a completion token, see async.hpp

  template <typename Token>
  auto async_set(Token&& token) const {
    return async_call<void>(detail::methods::event_set, token);
  }
  template <typename Token>
  auto async_clear(Token&& token) const {
    return async_call<void>(detail::methods::event_clear, token);
  }
  template <typename Token>
  auto async_is_set(Token&& token) const {
    return async_call<bool>(detail::methods::event_is_set, token);
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

 private:
  // The fast path only reads a flag that is set already. A wait is always a call, so that the
  // server serves waiters in FIFO order.
  bool wait_by(const detail::Timeout& timeout) const {
    if (try_read_size(detail::ObjectKind::event).value_or(0) != 0) return true;
    return call<bool>({detail::methods::event_wait, timeout}, timeout);
  }
  template <typename Token>
  auto async_wait_by(const detail::Timeout& timeout, Token&& token) const {
    return async_call<bool>({detail::methods::event_wait, timeout}, token, timeout);
  }
};

}  // namespace agora
