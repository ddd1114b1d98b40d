// counter: a shared number that others can wait for.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include <agora/any_io.hpp>
#include <agora/proxy.hpp>

namespace agora {

/// An int64. It never wraps: a sum that does not fit is value_error, and nothing was changed.
class counter : public proxy {
 public:
  /// From a manager's factory; see manager::counter.
  explicit counter(detail::Handle handle) : proxy(std::move(handle)) {}

  /// @return the new value.
  std::int64_t add(std::int64_t n = 1) const { return change<std::int64_t>("counter.add", n); }
  std::int64_t get() const { return read<std::int64_t>("counter.get"); }
  operator std::int64_t() const { return get(); }  // NOLINT: implicit, it stands for the number
  std::int64_t operator+=(std::int64_t n) const { return add(n); }
  std::int64_t operator-=(std::int64_t n) const { return add(negative(n)); }
  std::int64_t operator++() const { return add(1); }
  std::int64_t operator--() const { return add(-1); }
  /// Adds 1, and gives the value before.
  std::int64_t operator++(int) const { return add(1) - 1; }
  /// Takes 1, and gives the value before.
  std::int64_t operator--(int) const { return add(-1) + 1; }

  /// Waits, for ever, until the value is at least n. @return the value then.
  std::int64_t wait_at_least(std::int64_t n) const {
    return take<std::int64_t>("counter.wait_at_least", wait_by(n, std::nullopt));
  }
  /// The same, for so long; nothing if it was less by then.
  template <typename Rep, typename Period>
  std::optional<std::int64_t> wait_at_least_for(std::int64_t n,
                                                std::chrono::duration<Rep, Period> span) const {
    return unless_late(wait_by(n, detail::timeout_of(span)));
  }

  // The asynchronous forms: the last argument is a completion token, see async.hpp.

  template <typename Token>
  auto async_add(std::int64_t n, Token&& token) const {
    return async_change<std::int64_t>("counter.add", token, n);
  }
  template <typename Token>
  auto async_get(Token&& token) const {
    return async_read<std::int64_t>("counter.get", token);
  }
  template <typename Token>
  auto async_wait_at_least(std::int64_t n, Token&& token) const {
    return async_wait<std::int64_t>("counter.wait_at_least", detail::Effect::reads, {},
                                    taker<std::int64_t>("counter.wait_at_least"), token, n,
                                    detail::Timeout());
  }
  template <typename Rep, typename Period, typename Token>
  auto async_wait_at_least_for(std::int64_t n, std::chrono::duration<Rep, Period> span,
                               Token&& token) const {
    const detail::Timeout timeout = detail::timeout_of(span);
    return async_wait<std::optional<std::int64_t>>(
        "counter.wait_at_least", detail::Effect::reads, timeout,
        [c = *this](detail::Reply reply) { return c.unless_late(std::move(reply)); }, token, n,
        timeout);
  }

 private:
  // The least number has no counterpart.
  static std::int64_t negative(std::int64_t n) {
    if (n != INT64_MIN) return -n;
    throw_error(
        {Errc::value_error, "cannot take " + std::to_string(n) + " from a counter", Done::no, {}});
  }
  detail::Reply wait_by(std::int64_t n, const detail::Timeout& timeout) const {
    return wait("counter.wait_at_least", detail::Effect::reads, timeout, n, timeout);
  }
  std::optional<std::int64_t> unless_late(detail::Reply reply) const {
    if (!reply && reply.error().code == Errc::timeout) return std::nullopt;
    return take<std::int64_t>("counter.wait_at_least", std::move(reply));
  }
};

}  // namespace agora
