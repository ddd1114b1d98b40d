// SPDX-License-Identifier: MIT

// Instants and durations as the core sees them: whole nanoseconds, passed in by the caller. The
// core reads no clock; see the port Clock in server/engine/ports.hpp.
#pragma once

#include <chrono>
#include <cstdint>

namespace agora {

using Duration = std::chrono::nanoseconds;

/// A time in nanoseconds since 1970 (UTC) on a clock that never goes back: the server anchors its
/// monotonic clock to the wall clock once, at its start.
using Instant = std::chrono::time_point<std::chrono::system_clock, Duration>;

/// Returns seconds as a number, the form of all times on the wire.
inline double seconds_of(Duration span) { return std::chrono::duration<double>(span).count(); }
inline double seconds_of(Instant when) { return seconds_of(when.time_since_epoch()); }

}  // namespace agora
