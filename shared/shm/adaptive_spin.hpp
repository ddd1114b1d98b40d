// SPDX-License-Identifier: MIT

// AdaptiveSpin: adaptive spinning on a ring, before the reader sleeps on the doorbell.
//
// A wake-up across CPUs costs 30 to 70 us; spinning costs CPU time. So the reader spins only while
// the peer runs on another CPU and was awake when the reader last wrote to it. After too many
// misses in a row it sleeps at once, except for an occasional trial spin. Without the trial, two
// sides that both sleep would never begin to spin again.
#pragma once

#include <chrono>
#include <cstdint>
#include <sched.h>

#include "shared/shm/cpu_relax.hpp"

namespace agora::shm {

/// Returns the CPU that this thread runs on. Cost: some nanoseconds, no system call.
inline std::uint32_t current_cpu() { return static_cast<std::uint32_t>(::sched_getcpu()); }

class AdaptiveSpin {
 public:
  using Span = std::chrono::nanoseconds;
  using Clock = std::chrono::steady_clock;

  /// Polls `ready()` until it returns true or the spin limit has passed.
  /// @param other_cpu  the CPU on which the peer runs
  /// @param awake  true if the peer was awake when this side last wrote: no doorbell was needed
  /// @return true if `ready()` returned true
  template <typename Ready>
  bool spin_until(std::uint32_t other_cpu, bool awake, Ready&& ready) {
    if (ready()) return true;
    if (other_cpu == current_cpu()) return false;
    const Span limit = spin_limit(awake);
    if (limit == Span::zero()) return false;
    const auto start = Clock::now();
    for (;;) {
      for (int i = 0; i < kPauses; ++i) {
        if (ready()) {
          misses_ = 0;
          return true;
        }
        cpu_relax();
      }
      // The scheduler may have moved both threads to one CPU meanwhile.
      if (Clock::now() - start >= limit || other_cpu == current_cpu()) break;
    }
    ++misses_;
    return ready();
  }

 private:
  // About the cost of a wake-up. So a spin is 2-competitive: a miss costs no more than a hit saves.
  static constexpr Span kSpinMax = std::chrono::microseconds(50);
  static constexpr Span kTrialSpin = std::chrono::microseconds(100);
  static constexpr unsigned kTrialEvery = 32;
  static constexpr unsigned kMissesMax = 8;
  static constexpr int kPauses = 16;

  Span spin_limit(bool awake) {
    if (awake && misses_ < kMissesMax) return kSpinMax;
    return skips_++ % kTrialEvery == 0 ? kTrialSpin : Span::zero();
  }

  unsigned misses_ = 0;  // in a row
  unsigned skips_ = 0;   // waits without a regular spin; every 32nd gets a trial
};

}  // namespace agora::shm
