// event: a flag that processes wait for.
#pragma once

#include <chrono>
#include <utility>

#include <agora/any_io.hpp>
#include <agora/proxy.hpp>

namespace agora {

class event : public proxy {
 public:
  /// From a manager's factory; see manager::event.
  explicit event(detail::Handle handle) : proxy(std::move(handle)) {}

  /// Sets the flag and wakes everybody who waits for it.
  void set() const { change<void>("event.set"); }
  void clear() const { change<void>("event.clear"); }
  bool is_set() const {
    const auto seen = try_read_size(detail::ObjectKind::event);
    return seen ? *seen != 0 : read<bool>("event.is_set");
  }

  /// Waits, for ever, until the flag is set.
  void wait() const {
    if (seen_set()) return;
    take<bool>("event.wait", wait_by(std::nullopt));
  }
  /// The same, for so long; false if the flag was not set by then.
  template <typename Rep, typename Period>
  bool wait_for(std::chrono::duration<Rep, Period> span) const {
    if (seen_set()) return true;
    return take<bool>("event.wait", wait_by(detail::timeout_of(span)));
  }

  // The asynchronous forms: the last argument is a completion token, see async.hpp.

  template <typename Token>
  auto async_set(Token&& token) const {
    return async_change<void>("event.set", token);
  }
  template <typename Token>
  auto async_clear(Token&& token) const {
    return async_change<void>("event.clear", token);
  }
  template <typename Token>
  auto async_is_set(Token&& token) const {
    return async_read<bool>("event.is_set", token);
  }
  /// Waits, for ever, until the flag is set; true.
  template <typename Token>
  auto async_wait(Token&& token) const {
    return proxy::async_wait<bool>("event.wait", detail::Effect::reads, {},
                                   taker<bool>("event.wait"), token, detail::Timeout());
  }
  template <typename Rep, typename Period, typename Token>
  auto async_wait_for(std::chrono::duration<Rep, Period> span, Token&& token) const {
    const detail::Timeout timeout = detail::timeout_of(span);
    return proxy::async_wait<bool>("event.wait", detail::Effect::reads, timeout,
                                   taker<bool>("event.wait"), token, timeout);
  }

 private:
  // Who has to wait stands in the server's line, like everybody else.
  bool seen_set() const { return try_read_size(detail::ObjectKind::event).value_or(0) != 0; }
  detail::Reply wait_by(const detail::Timeout& timeout) const {
    return proxy::wait("event.wait", detail::Effect::reads, timeout, timeout);
  }
};

}  // namespace agora
