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
  /// From a manager's factory; see manager::latch.
  explicit latch(detail::Handle handle) : proxy(std::move(handle)) {}

  /// @throws value_error  less than 1, or more than is left; nothing was changed.
  void count_down(std::int64_t n = 1) const { change<void>("latch.count_down", n); }
  /// True if the count is zero.
  bool try_wait() const { return take<bool>("latch.wait", wait_by(detail::Seconds::zero())); }
  /// Waits, for ever, until the count is zero.
  void wait() const { take<bool>("latch.wait", wait_by(std::nullopt)); }
  /// The same, for so long; false if the count was not zero by then.
  template <typename Rep, typename Period>
  bool wait_for(std::chrono::duration<Rep, Period> span) const {
    return take<bool>("latch.wait", wait_by(detail::timeout_of(span)));
  }
  /// Two calls: if the second fails, the first has happened. @throws as count_down().
  void arrive_and_wait(std::int64_t n = 1) const {
    count_down(n);
    wait();
  }
  /// What is left.
  std::int64_t count() const { return read<std::int64_t>("latch.count"); }

  // The asynchronous forms: the last argument is a completion token, see async.hpp.

  template <typename Token>
  auto async_count_down(std::int64_t n, Token&& token) const {
    return async_change<void>("latch.count_down", token, n);
  }
  /// True.
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
    return async_read<std::int64_t>("latch.count", token);
  }

 private:
  detail::Reply wait_by(const detail::Timeout& timeout) const {
    return proxy::wait("latch.wait", detail::Effect::reads, timeout, timeout);
  }
  template <typename Token>
  auto async_wait_by(const detail::Timeout& timeout, Token&& token) const {
    return proxy::async_wait<bool>("latch.wait", detail::Effect::reads, timeout,
                                   taker<bool>("latch.wait"), token, timeout);
  }
};

}  // namespace agora
