// SPDX-License-Identifier: MIT

// Histogram: latencies in few buckets, so that recording one costs a few nanoseconds.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace agora::load {

/// Counts durations in nanoseconds, with a relative error of at most 1/32. Only one thread may use
/// it.
class Histogram {
 public:
  void record(std::uint64_t ns);
  void merge(const Histogram& other);
  std::uint64_t count() const { return count_; }
  /// Returns the longest duration, exactly; 0 if none was recorded.
  std::uint64_t max() const { return max_; }
  /// @param share  0 to 1: 0.5 is the median
  /// @return nanoseconds; 0 if none was recorded
  std::uint64_t quantile(double share) const;

 private:
  static constexpr std::size_t kSteps = 32;  ///< buckets between two powers of two
  static std::size_t bucket_of(std::uint64_t ns);
  static std::uint64_t top_of(std::size_t bucket);

  std::array<std::uint64_t, kSteps * 60> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace agora::load
