// AdaptiveSpin: how long one side of a ring looks for bytes before it sleeps.
//
// A wake-up across CPUs costs 30 to 70 us here, looking costs the CPU. So it is done only while the
// other side runs on another CPU and was awake when it was last written to; and not where it has
// been in vain too often, but for a try now and then, which is how two sides that both sleep find
// into step.
#pragma once

#include <chrono>
#include <cstdint>
#include <sched.h>

#include "shared/shm/relax.hpp"

namespace agora::shm {

/// The CPU that this thread runs on. Cost: some nanoseconds, no system call.
inline std::uint32_t current_cpu() { return static_cast<std::uint32_t>(::sched_getcpu()); }

class AdaptiveSpin {
 public:
  using Span = std::chrono::nanoseconds;
  using Clock = std::chrono::steady_clock;

  /// Looks until there is something, as long as is worth it.
  /// @param other_cpu  where the other side runs
  /// @param awake  it did not have to be woken for what it is to answer
  /// @return whether `there` has said yes
  template <typename There>
  bool look(std::uint32_t other_cpu, bool awake, There&& there) {
    if (there()) return true;
    if (other_cpu == current_cpu()) return false;
    const Span most = span(awake);
    if (most == Span::zero()) return false;
    const auto begin = Clock::now();
    for (;;) {
      for (int i = 0; i < kPauses; ++i) {
        if (there()) {
          in_vain_ = 0;
          return true;
        }
        relax();
      }
      // The scheduler may have put both on one CPU meanwhile.
      if (Clock::now() - begin >= most || other_cpu == current_cpu()) break;
    }
    ++in_vain_;
    return there();
  }

 private:
  // About what a wake-up costs: whoever looks no longer than that loses no more than it could win.
  static constexpr Span kMost = std::chrono::microseconds(50);
  static constexpr Span kTry = std::chrono::microseconds(100);
  static constexpr unsigned kTryEvery = 32;
  static constexpr unsigned kMissesMax = 8;
  static constexpr int kPauses = 16;

  Span span(bool awake) {
    if (awake && in_vain_ < kMissesMax) return kMost;
    return tries_++ % kTryEvery == 0 ? kTry : Span::zero();
  }

  unsigned in_vain_ = 0;  // in a row
  unsigned tries_ = 0;
};

}  // namespace agora::shm
