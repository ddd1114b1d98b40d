// semaphore: shared permits, like std::counting_semaphore.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include <agora/any_io.hpp>
#include <agora/proxy.hpp>

namespace agora {

/// Options of a semaphore; they count only if the factory's call makes the object.
struct semaphore_options {
  /// The most free permits there may be; nothing: no bound.
  std::optional<std::int64_t> bound = {};
  /// Whether permits come back when the session that took them ends. false for a semaphore that is
  /// a signal: others release what nobody took.
  bool owned = true;
};

/// Waiting is first come, first served over all processes; one who waits for many permits holds
/// back those behind. Anybody may release. The permits of a session that ends come back, unless
/// the options say otherwise.
class semaphore : public proxy {
 public:
  /// From a manager's factory; see manager::semaphore.
  explicit semaphore(detail::Handle handle) : proxy(std::move(handle)) {}

  /// Takes permits in one step; waits for them, for ever.
  /// @param permits  at least 1, else value_error
  void acquire(std::int64_t permits = 1) const {
    take<bool>("semaphore.acquire", acquire_by(permits, std::nullopt));
  }
  /// The same without waiting; false if not so many are free, or somebody waits already.
  bool try_acquire(std::int64_t permits = 1) const {
    return take<bool>("semaphore.acquire", acquire_by(permits, detail::Seconds::zero()));
  }
  template <typename Rep, typename Period>
  bool try_acquire_for(std::chrono::duration<Rep, Period> span, std::int64_t permits = 1) const {
    return take<bool>("semaphore.acquire", acquire_by(permits, detail::timeout_of(span)));
  }
  template <typename Clock, typename Span>
  bool try_acquire_until(std::chrono::time_point<Clock, Span> when,
                         std::int64_t permits = 1) const {
    return try_acquire_for(when - Clock::now(), permits);
  }
  /// Gives permits back, or adds them.
  /// @throws value_error  fewer than 1, or more than the bound allows; nothing was changed.
  void release(std::int64_t permits = 1) const { change<void>("semaphore.release", permits); }
  /// How many permits are free.
  std::int64_t value() const { return read<std::int64_t>("semaphore.value"); }

  // The asynchronous forms: the last argument is a completion token, see async.hpp.

  /// True.
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
    return async_change<void>("semaphore.release", token, permits);
  }
  template <typename Token>
  auto async_value(Token&& token) const {
    return async_read<std::int64_t>("semaphore.value", token);
  }

 private:
  detail::Reply acquire_by(std::int64_t permits, const detail::Timeout& timeout) const {
    return wait("semaphore.acquire", detail::Effect::changes, timeout, permits, timeout);
  }
  template <typename Token>
  auto async_acquire_by(std::int64_t permits, const detail::Timeout& timeout, Token&& token) const {
    return async_wait<bool>("semaphore.acquire", detail::Effect::changes, timeout,
                            taker<bool>("semaphore.acquire"), token, permits, timeout);
  }
};

}  // namespace agora
