// SPDX-License-Identifier: MIT

// Deadline: the time at which a call ends, and the clock of it.
#pragma once

#include <chrono>
#include <optional>

namespace agora::detail {

using Clock = std::chrono::steady_clock;

/// A point in time, or never.
using Deadline = std::optional<Clock::time_point>;

/// Returns now plus a span; "never" for a span of a century or more.
inline Deadline deadline_in(std::chrono::duration<double> span) {
  constexpr std::chrono::duration<double> kFar = std::chrono::hours(24 * 365 * 100);
  if (!(span < kFar)) return std::nullopt;
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(span);
}

inline bool is_past(const Deadline& deadline) { return deadline && Clock::now() >= *deadline; }

/// Returns the time left in whole milliseconds, rounded up, at most `most`: a timeout for poll.
inline int milliseconds_left(const Deadline& deadline, int most) {
  if (!deadline) return most;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now()).count();
  if (left <= 0) return 0;
  return left < most ? static_cast<int>(left) : most;
}

}  // namespace agora::detail
