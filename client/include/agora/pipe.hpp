// SPDX-License-Identifier: MIT

// pipe<T>: two ends; a value sent at one is received at the other, in order.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include <agora/any_io.hpp>
#include <agora/proxy.hpp>

#include "shared/value/any.hpp"

namespace agora {

/// One end of a pipe: a proxy of the pipe that knows its side. An end belongs to the sessions that
/// use it, and closes when the last of them ends.
template <typename T = any>
class pipe_end : public proxy {
 public:
  using value_type = T;

  /// @param side  0 or 1
  pipe_end(detail::ObjectHandle handle, std::int64_t side)
      : proxy(std::move(handle)), side_(side) {}

  /// Sends a value. Waits without a timeout for room: each direction holds 1,024 values.
  /// @throws end_of_stream  either end is closed.
  /// @throws value_error    this end only receives.
  void send(const T& value) const { call<void>(kSend, side_, value, detail::Timeout()); }
  /// Returns false if there was no room in that time.
  template <typename Rep, typename Period>
  bool send_for(const T& value, std::chrono::duration<Rep, Period> span) const {
    const detail::Timeout timeout = detail::timeout_of(span);
    return call_succeeds({kSend, timeout}, Errc::timeout, side_, value, timeout);
  }
  /// Waits without a timeout for the next value. A value that is no T throws type_error, and is
  /// lost.
  /// @throws end_of_stream  the other end is closed, and nothing is left.
  /// @throws value_error    this end only sends.
  T receive() const { return call<T>(kReceive, side_, detail::Timeout()); }
  /// Returns nullopt if no value came in that time.
  template <typename Rep, typename Period>
  std::optional<T> receive_for(std::chrono::duration<Rep, Period> span) const {
    const detail::Timeout timeout = detail::timeout_of(span);
    return call_or_nullopt<T>({kReceive, timeout}, Errc::timeout, side_, timeout);
  }
  /// Returns true if receive would not wait: a value is there, or the other end is closed.
  bool poll() const { return poll_by(detail::Seconds::zero()); }
  template <typename Rep, typename Period>
  bool poll_for(std::chrono::duration<Rep, Period> span) const {
    return poll_by(detail::timeout_of(span));
  }
  /// Closes this end for all sessions; the other end still receives the values sent before.
  void close() const { call<void>(detail::methods::pipe_close, side_); }

  // ---- asynchronous forms: the last argument is a completion token, see async.hpp

  template <typename Token>
  auto async_send(const T& value, Token&& token) const {
    return async_call<void>(kSend, token, side_, value, detail::Timeout());
  }
  template <typename Rep, typename Period, typename Token>
  auto async_send_for(const T& value, std::chrono::duration<Rep, Period> span,
                      Token&& token) const {
    const detail::Timeout timeout = detail::timeout_of(span);
    return async_call_succeeds({kSend, timeout}, Errc::timeout, token, side_, value, timeout);
  }
  template <typename Token>
  auto async_receive(Token&& token) const {
    return async_call<T>(kReceive, token, side_, detail::Timeout());
  }
  template <typename Rep, typename Period, typename Token>
  auto async_receive_for(std::chrono::duration<Rep, Period> span, Token&& token) const {
    const detail::Timeout timeout = detail::timeout_of(span);
    return async_call_or_nullopt<T>({kReceive, timeout}, Errc::timeout, token, side_, timeout);
  }
  template <typename Token>
  auto async_poll(Token&& token) const {
    return async_poll_by(detail::Seconds::zero(), token);
  }
  template <typename Rep, typename Period, typename Token>
  auto async_poll_for(std::chrono::duration<Rep, Period> span, Token&& token) const {
    return async_poll_by(detail::timeout_of(span), token);
  }
  template <typename Token>
  auto async_close(Token&& token) const {
    return async_call<void>(detail::methods::pipe_close, token, side_);
  }

 private:
  static constexpr const detail::Method& kSend = detail::methods::pipe_send;
  static constexpr const detail::Method& kReceive = detail::methods::pipe_receive;

  bool poll_by(const detail::Timeout& timeout) const {
    return call<bool>({detail::methods::pipe_poll, timeout}, side_, timeout);
  }
  template <typename Token>
  auto async_poll_by(const detail::Timeout& timeout, Token&& token) const {
    return async_call<bool>({detail::methods::pipe_poll, timeout}, token, side_, timeout);
  }

  std::int64_t side_;
};

/// Both ends; each may be copied into another process. With `duplex` both send and receive, else
/// the first receives and the second sends.
///
/// @code
/// auto line = m.pipe<std::string>("line");
/// agora::process child([end = line.second()] { end.send("hello"); });
/// use(line.first().receive());
/// @endcode
template <typename T = any>
class pipe : public proxy {
 public:
  /// Called by a manager's factory; see manager::pipe.
  explicit pipe(detail::ObjectHandle handle) : proxy(std::move(handle)) {}

  pipe_end<T> first() const { return {handle(), 0}; }
  pipe_end<T> second() const { return {handle(), 1}; }
};

}  // namespace agora
