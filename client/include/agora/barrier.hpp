// SPDX-License-Identifier: MIT

// barrier: a fixed number of parties wait for each other, again and again, like std::barrier.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include <agora/any_io.hpp>
#include <agora/proxy.hpp>

#include "shared/value/any.hpp"

namespace agora {

/// The state of a barrier at one moment.
struct barrier_state {
  std::int64_t parties = 0;  ///< how many parties wait for each other
  std::int64_t waiting = 0;  ///< how many of them have arrived
  bool broken = false;       ///< until reset(), arriving throws broken_barrier
};

/// If the timeout of a waiting party expires, or its wait is cancelled, or its session ends, the
/// barrier breaks for all. So no party waits for a dead one.
class barrier : public proxy {
 public:
  /// Called by a manager's factory; see manager::barrier.
  explicit barrier(detail::ObjectHandle handle) : proxy(std::move(handle)) {}

  /// Waits until all parties have arrived, without a limit unless the barrier was made with a
  /// timeout. Returns a number from 0 to parties - 1, a different one to each party.
  /// @throws broken_barrier  it is broken, or became so while this party waited.
  std::size_t arrive_and_wait() const { return arrive(std::nullopt); }
  /// As arrive_and_wait, but if not all parties have arrived by then the barrier breaks.
  /// @throws broken_barrier
  template <typename Rep, typename Period>
  std::size_t arrive_and_wait_for(std::chrono::duration<Rep, Period> span) const {
    return arrive(detail::timeout_of(span));
  }
  /// Makes the barrier usable again. Parties that wait now throw broken_barrier.
  void reset() const { call<void>(detail::methods::barrier_reset); }
  /// Breaks the barrier.
  void abort() const { call<void>(detail::methods::barrier_abort); }
  barrier_state state() const { return state_of(make(detail::methods::barrier_state)); }

  // ---- asynchronous forms: the last argument is a completion token, see async.hpp

  template <typename Token>
  auto async_arrive_and_wait(Token&& token) const {
    return async_arrive({}, token);
  }
  template <typename Rep, typename Period, typename Token>
  auto async_arrive_and_wait_for(std::chrono::duration<Rep, Period> span, Token&& token) const {
    return async_arrive(detail::timeout_of(span), token);
  }
  template <typename Token>
  auto async_reset(Token&& token) const {
    return async_call<void>(detail::methods::barrier_reset, token);
  }
  template <typename Token>
  auto async_abort(Token&& token) const {
    return async_call<void>(detail::methods::barrier_abort, token);
  }
  template <typename Token>
  auto async_state(Token&& token) const {
    return async_make<barrier_state>(
        detail::methods::barrier_state,
        [b = *this](detail::Reply reply) { return b.state_of(std::move(reply)); }, token);
  }

 private:
  // Without a timeout sends null, which stands for the timeout of the barrier.
  std::size_t arrive(const detail::Timeout& timeout) const {
    return call<std::size_t>({detail::methods::barrier_wait, timeout}, timeout);
  }
  template <typename Token>
  auto async_arrive(const detail::Timeout& timeout, Token&& token) const {
    return async_call<std::size_t>({detail::methods::barrier_wait, timeout}, token, timeout);
  }
  barrier_state state_of(detail::Reply reply) const;
};

}  // namespace agora
