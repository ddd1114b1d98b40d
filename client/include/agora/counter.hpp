// SPDX-License-Identifier: MIT

// counter: a shared number whose growth other processes can wait for.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include <agora/any_io.hpp>
#include <agora/proxy.hpp>

namespace agora {

/// An int64 that never wraps: a sum that does not fit is a value_error and changes nothing.
class counter : public proxy {
 public:
  /// Called by a manager's factory; see manager::counter.
  explicit counter(detail::ObjectHandle handle) : proxy(std::move(handle)) {}

  /// Adds, and returns the new value.
  std::int64_t add(std::int64_t n = 1) const {
    return call<std::int64_t>(detail::methods::counter_add, n);
  }
  std::int64_t get() const { return call<std::int64_t>(detail::methods::counter_get); }
  operator std::int64_t() const { return get(); }  // NOLINT: implicit, it stands for the number
  std::int64_t operator+=(std::int64_t n) const { return add(n); }
  std::int64_t operator-=(std::int64_t n) const { return add(negative(n)); }
  std::int64_t operator++() const { return add(1); }
  std::int64_t operator--() const { return add(-1); }
  /// Adds 1, and returns the value before.
  std::int64_t operator++(int) const { return add(1) - 1; }
  /// Subtracts 1, and returns the value before.
  std::int64_t operator--(int) const { return add(-1) + 1; }

  /// Waits without a timeout until the value is at least n. Returns the value at that moment.
  std::int64_t wait_at_least(std::int64_t n) const {
    return call<std::int64_t>(kWait, n, detail::Timeout());
  }
  /// Waits for that time. Returns nullopt if the value stayed below n.
  template <typename Rep, typename Period>
  std::optional<std::int64_t> wait_at_least_for(std::int64_t n,
                                                std::chrono::duration<Rep, Period> span) const {
    const detail::Timeout timeout = detail::timeout_of(span);
    return call_or_nullopt<std::int64_t>({kWait, timeout}, Errc::timeout, n, timeout);
  }

  // ---- asynchronous forms: the last argument is a completion token, see async.hpp

  template <typename Token>
  auto async_add(std::int64_t n, Token&& token) const {
    return async_call<std::int64_t>(detail::methods::counter_add, token, n);
  }
  template <typename Token>
  auto async_get(Token&& token) const {
    return async_call<std::int64_t>(detail::methods::counter_get, token);
  }
  template <typename Token>
  auto async_wait_at_least(std::int64_t n, Token&& token) const {
    return async_call<std::int64_t>(kWait, token, n, detail::Timeout());
  }
  template <typename Rep, typename Period, typename Token>
  auto async_wait_at_least_for(std::int64_t n, std::chrono::duration<Rep, Period> span,
                               Token&& token) const {
    const detail::Timeout timeout = detail::timeout_of(span);
    return async_call_or_nullopt<std::int64_t>({kWait, timeout}, Errc::timeout, token, n, timeout);
  }

 private:
  static constexpr const detail::Method& kWait = detail::methods::counter_wait_at_least;

  // Throws for the least int64, which has no positive counterpart.
  static std::int64_t negative(std::int64_t n) {
    if (n != INT64_MIN) return -n;
    throw_error(
        {Errc::value_error, "cannot take " + std::to_string(n) + " from a counter", Done::no, {}});
  }
};

}  // namespace agora
