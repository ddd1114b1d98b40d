// barrier: so many parties wait for each other, again and again, like std::barrier.
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

/// How things stand at a barrier.
struct barrier_state {
  std::int64_t parties = 0;  ///< how many wait for each other
  std::int64_t waiting = 0;  ///< how many have arrived
  bool broken = false;       ///< until reset(), arriving throws broken_barrier
};

/// A party that waits too long, is cancelled, or whose session ends, breaks the barrier for all:
/// nobody waits for the dead.
class barrier : public proxy {
 public:
  /// From a manager's factory; see manager::barrier.
  explicit barrier(detail::Handle handle) : proxy(std::move(handle)) {}

  /// Waits until all have arrived; for ever, unless the barrier was made with a timeout.
  /// @return 0 .. parties - 1, each once a generation.
  /// @throws broken_barrier  it is, or became so while this party waited.
  std::size_t arrive_and_wait() const {
    return take<std::size_t>("barrier.wait", arrive(std::nullopt));
  }
  /// The same; if not all have arrived by then the barrier breaks. @throws broken_barrier
  template <typename Rep, typename Period>
  std::size_t arrive_and_wait_for(std::chrono::duration<Rep, Period> span) const {
    return take<std::size_t>("barrier.wait", arrive(detail::timeout_of(span)));
  }
  /// Makes it as new; those who wait get broken_barrier.
  void reset() const { change<void>("barrier.reset"); }
  /// Breaks it.
  void abort() const { change<void>("barrier.abort"); }
  barrier_state state() const { return state_of("barrier.state", handle_call("barrier.state")); }

  // The asynchronous forms: the last argument is a completion token, see async.hpp.

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
    return async_change<void>("barrier.reset", token);
  }
  template <typename Token>
  auto async_abort(Token&& token) const {
    return async_change<void>("barrier.abort", token);
  }
  template <typename Token>
  auto async_state(Token&& token) const {
    return async_make<barrier_state>(
        "barrier.state", detail::Effect::reads,
        [b = *this](detail::Reply reply) { return b.state_of("barrier.state", std::move(reply)); },
        token);
  }

 private:
  detail::Reply handle_call(std::string_view method) const {
    return make(method, detail::Effect::reads);
  }
  // Without an end of its own a wait ends at the barrier's, so none is said.
  detail::Reply arrive(const detail::Timeout& timeout) const {
    return wait("barrier.wait", detail::Effect::changes, timeout, timeout);
  }
  template <typename Token>
  auto async_arrive(const detail::Timeout& timeout, Token&& token) const {
    return async_wait<std::size_t>("barrier.wait", detail::Effect::changes, timeout,
                                   taker<std::size_t>("barrier.wait"), token, timeout);
  }
  barrier_state state_of(std::string_view method, detail::Reply reply) const;
};

}  // namespace agora
