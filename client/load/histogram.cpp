// SPDX-License-Identifier: MIT

#include "client/load/histogram.hpp"

#include <algorithm>
#include <bit>

namespace agora::load {

std::size_t Histogram::bucket_of(std::uint64_t ns) {
  if (ns < kSteps) return ns;
  // The highest bit chooses the row, the five bits below it the column.
  const auto row = static_cast<std::size_t>(std::bit_width(ns)) - 5;
  return row * kSteps + ((ns >> (row - 1)) & (kSteps - 1));
}

std::uint64_t Histogram::top_of(std::size_t bucket) {
  if (bucket < kSteps) return bucket;
  const std::size_t row = bucket / kSteps;
  return ((kSteps + bucket % kSteps + 1) << (row - 1)) - 1;
}

void Histogram::record(std::uint64_t ns) {
  ++buckets_[std::min(bucket_of(ns), buckets_.size() - 1)];
  ++count_;
  max_ = std::max(max_, ns);
}

void Histogram::merge(const Histogram& other) {
  for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

std::uint64_t Histogram::quantile(double share) const {
  if (count_ == 0) return 0;
  const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(count_ - 1));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen > wanted) return std::min(top_of(i), max_);
  }
  return max_;
}

}  // namespace agora::load
