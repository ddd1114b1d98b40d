// pipe<T>: two ends; what is sent at one is received at the other, in order.
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
  pipe_end(detail::Handle handle, std::int64_t side) : proxy(std::move(handle)), side_(side) {}

  /// Sends a value; waits for room, for ever (a direction holds 1,024 values).
  /// @throws end_of_stream  an end is closed; value_error  this end only receives.
  void send(const T& value) const { take<void>("pipe.send", send_by(value, std::nullopt)); }
  /// The same, for so long; false if there was no room by then.
  template <typename Rep, typename Period>
  bool send_for(const T& value, std::chrono::duration<Rep, Period> span) const {
    return unless_late(send_by(value, detail::timeout_of(span)));
  }
  /// Waits, for ever, for the next value. One that is no T is gone: type_error.
  /// @throws end_of_stream  the other end is closed, and nothing is left; value_error  this end
  ///         only sends.
  T receive() const { return take<T>("pipe.receive", receive_by(std::nullopt)); }
  /// The same, for so long; nothing if none came.
  template <typename Rep, typename Period>
  std::optional<T> receive_for(std::chrono::duration<Rep, Period> span) const {
    return value_unless_late(receive_by(detail::timeout_of(span)));
  }
  /// Whether receive would not wait: there is a value, or the end.
  bool poll() const { return take<bool>("pipe.poll", poll_by(detail::Seconds::zero())); }
  template <typename Rep, typename Period>
  bool poll_for(std::chrono::duration<Rep, Period> span) const {
    return take<bool>("pipe.poll", poll_by(detail::timeout_of(span)));
  }
  /// Closes this end for everybody; the other one receives what was sent before.
  void close() const { change<void>("pipe.close", side_); }

  // The asynchronous forms: the last argument is a completion token, see async.hpp.

  template <typename Token>
  auto async_send(const T& value, Token&& token) const {
    return async_wait<void>("pipe.send", detail::Effect::changes, {}, taker<void>("pipe.send"),
                            token, side_, value, detail::Timeout());
  }
  template <typename Rep, typename Period, typename Token>
  auto async_send_for(const T& value, std::chrono::duration<Rep, Period> span,
                      Token&& token) const {
    const detail::Timeout timeout = detail::timeout_of(span);
    return async_wait<bool>(
        "pipe.send", detail::Effect::changes, timeout,
        [end = *this](detail::Reply reply) { return end.unless_late(std::move(reply)); }, token,
        side_, value, timeout);
  }
  template <typename Token>
  auto async_receive(Token&& token) const {
    return async_wait<T>("pipe.receive", detail::Effect::changes, {}, taker<T>("pipe.receive"),
                         token, side_, detail::Timeout());
  }
  template <typename Rep, typename Period, typename Token>
  auto async_receive_for(std::chrono::duration<Rep, Period> span, Token&& token) const {
    const detail::Timeout timeout = detail::timeout_of(span);
    return async_wait<std::optional<T>>(
        "pipe.receive", detail::Effect::changes, timeout,
        [end = *this](detail::Reply reply) { return end.value_unless_late(std::move(reply)); },
        token, side_, timeout);
  }
  template <typename Rep, typename Period, typename Token>
  auto async_poll_for(std::chrono::duration<Rep, Period> span, Token&& token) const {
    const detail::Timeout timeout = detail::timeout_of(span);
    return async_wait<bool>("pipe.poll", detail::Effect::reads, timeout, taker<bool>("pipe.poll"),
                            token, side_, timeout);
  }
  template <typename Token>
  auto async_close(Token&& token) const {
    return async_change<void>("pipe.close", token, side_);
  }

 private:
  detail::Reply send_by(const T& value, const detail::Timeout& timeout) const {
    return wait("pipe.send", detail::Effect::changes, timeout, side_, value, timeout);
  }
  detail::Reply receive_by(const detail::Timeout& timeout) const {
    return wait("pipe.receive", detail::Effect::changes, timeout, side_, timeout);
  }
  detail::Reply poll_by(const detail::Timeout& timeout) const {
    return wait("pipe.poll", detail::Effect::reads, timeout, side_, timeout);
  }
  bool unless_late(detail::Reply reply) const {
    if (reply) return true;
    if (reply.error().code == Errc::timeout) return false;
    throw_error(std::move(reply.error()));
  }
  std::optional<T> value_unless_late(detail::Reply reply) const {
    if (!reply && reply.error().code == Errc::timeout) return std::nullopt;
    return take<T>("pipe.receive", std::move(reply));
  }

  std::int64_t side_;
};

/// Both ends; each may be copied into another process. With `duplex` both send and receive, else
/// the first receives and the second sends.
template <typename T = any>
class pipe : public proxy {
 public:
  /// From a manager's factory; see manager::pipe.
  explicit pipe(detail::Handle handle) : proxy(std::move(handle)) {}

  pipe_end<T> first() const { return {handle(), 0}; }
  pipe_end<T> second() const { return {handle(), 1}; }
};

}  // namespace agora
