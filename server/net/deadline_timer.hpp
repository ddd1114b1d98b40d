// SPDX-License-Identifier: MIT

// DeadlineTimer: calls back once, at a deadline that changes with almost every turn.
//
// A wait that is under way stays armed when the deadline moves to a later time or is removed. When
// it ends, the timer waits anew or does nothing. An early wake-up costs one pass of the loop;
// arming Asio's timer anew for each call that waits with a time-out costs a system call, which was
// 0.6 us of a blocking call.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <utility>

#include "server/net/io_objects.hpp"

namespace agora {

class DeadlineTimer {
 public:
  using Moment = std::chrono::steady_clock::time_point;

  DeadlineTimer(asio::io_context& io, std::function<void()> callback)
      : timer_(io), callback_(std::move(callback)) {}
  DeadlineTimer(const DeadlineTimer&) = delete;
  DeadlineTimer& operator=(const DeadlineTimer&) = delete;

  /// Sets the deadline, in place of an earlier one.
  void set(Moment deadline) {
    deadline_ = deadline;
    if (!armed_for_ || deadline < *armed_for_) arm();
  }
  void clear() { deadline_.reset(); }
  /// Clears the deadline and ends the wait, so that the timer is no work for the loop.
  void cancel() {
    clear();
    armed_for_.reset();
    timer_.cancel();
  }

 private:
  void arm() {
    armed_for_.reset();
    timer_.expires_at(*deadline_);
    timer_.async_wait([this](const std::error_code& error) {
      if (!error) expired();  // else the wait was cancelled, and *this may be gone
    });
    armed_for_ = deadline_;
  }
  void expired() {
    armed_for_.reset();
    if (!deadline_) return;
    if (*deadline_ > std::chrono::steady_clock::now()) return arm();
    deadline_.reset();
    callback_();
  }

  SteadyTimer timer_;
  std::function<void()> callback_;
  std::optional<Moment> deadline_;
  std::optional<Moment> armed_for_;  // if a wait is under way: until then
};

}  // namespace agora
