// SPDX-License-Identifier: MIT

// EventLog: the lines for the operator, of which a client can cause only a few a minute.
//
// An event that any client can cause (a refused connection) is logged at once when it comes first.
// Further ones within a minute are counted, and become one line at the end of that minute.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "server/net/deadline_timer.hpp"

namespace agora {

/// Logs one line about an event that no call reports, such as a refused connection.
using LogFn = std::function<void(const std::string&)>;

/// A kind of event that clients can cause. It has static storage: its address identifies it.
struct RepeatedEvent {
  std::string_view before;  ///< the sum reads "refused 1,234 connections in the last minute"
  std::string_view after;
};

class EventLog {
 public:
  explicit EventLog(asio::io_context& io) : timer_(io, [this] { minute_passed(); }) {}

  /// Sets the receiver of the lines. Lines before that are dropped.
  void to(LogFn out) { out_ = std::move(out); }

  /// Logs a line that no client can repeat at will.
  void line(const std::string& text);
  /// Logs `text` if no event of that kind was logged in this minute, else counts it.
  void repeated(const RepeatedEvent& kind, const std::string& text);
  /// Logs the sums of the events that were only counted. Called at each minute's end, and when the
  /// server ends.
  void sum_up();
  /// Stops the timer.
  void end() { timer_.cancel(); }

 private:
  struct Counted {
    const RepeatedEvent* kind;
    std::uint64_t count;  ///< since the last line
    std::string last;
  };
  void minute_passed();
  void restart();

  LogFn out_;
  DeadlineTimer timer_;
  std::vector<Counted> counted_;  // one for each kind that came in this minute or the last one
};

/// Returns the number in decimal, with commas between groups of three digits.
std::string grouped(std::uint64_t number);

}  // namespace agora
