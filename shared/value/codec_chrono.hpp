// SPDX-License-Identifier: MIT

// Codec for std::chrono::duration: seconds as a float, the form of all times on the wire.
#pragma once

#include <chrono>
#include <cmath>
#include <limits>

#include "shared/value/codec_core.hpp"
#include "shared/value/codec_scalars.hpp"

namespace agora {

/// Returns value_error: "expected seconds in the range of the duration, found ...".
Failure duration_out_of_range(PackedView found);

/// Encodes a float, even for whole seconds. Decodes floats and ints. A duration that counts in
/// integers is rounded to its nearest tick (half to even); NaN, or a number of ticks outside its
/// range, is value_error.
template <typename Rep, typename Period>
struct Codec<std::chrono::duration<Rep, Period>> {
  using Duration = std::chrono::duration<Rep, Period>;
  using Seconds = std::chrono::duration<double>;

  static void encode(Writer& writer, Duration value) { writer.real(Seconds(value).count()); }
  static Expected<Duration> decode(PackedView value) {
    auto seconds = decode_real(value, name());
    if (!seconds) return seconds.failure();
    if constexpr (std::chrono::treat_as_floating_point_v<Rep>) {
      return std::chrono::duration_cast<Duration>(Seconds(*seconds));
    } else {
      const std::chrono::duration<double, Period> ticks(Seconds{*seconds});
      const double whole = std::nearbyint(ticks.count());
      if (!fits(whole)) return duration_out_of_range(value);
      return Duration(static_cast<Rep>(whole));
    }
  }
  static std::string name() { return "seconds (float or int)"; }

 private:
  // 2^digits is the first number above Rep and, unlike its maximum, exact as a double.
  static bool fits(double ticks) {
    const double beyond = std::ldexp(1.0, std::numeric_limits<Rep>::digits);
    return ticks < beyond && ticks >= (std::numeric_limits<Rep>::is_signed ? -beyond : 0.0);
  }
};

}  // namespace agora
