// SPDX-License-Identifier: MIT

// FreeBins: the segregated free lists of an arena by size, with a bitmap of the lists in use.
//
// A bin holds the blocks of a range of sizes: one size each up to 31 units, then 16 bins for each
// doubling. So every block in the first bin above a wanted size fits, and a search reads eight
// words.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace agora {

class FreeBins {
 public:
  static constexpr std::size_t kCount = 32 + 27 * 16;
  static constexpr std::size_t kNone = kCount;

  /// Returns the bin of a free block of `units` (>= 1); monotonic in `units`.
  static constexpr std::size_t bin_of(std::uint32_t units) {
    if (units < 32) return units;
    const auto width = static_cast<std::size_t>(std::bit_width(units));
    return 32 + (width - 6) * 16 + ((units >> (width - 5)) - 16);
  }

  /// Returns the first unit of the first block in the list of `bin`; 0 if it is empty.
  std::uint32_t head(std::size_t bin) const { return heads_[bin]; }

  void set_head(std::size_t bin, std::uint32_t unit) {
    heads_[bin] = unit;
    const std::uint64_t bit = std::uint64_t{1} << (bin % 64);
    in_use_[bin / 64] = unit == 0 ? in_use_[bin / 64] & ~bit : in_use_[bin / 64] | bit;
  }

  /// Returns the lowest bin at or above `bin` that has a block; `kNone` if there is none.
  std::size_t first_in_use(std::size_t bin) const {
    if (bin >= kCount) return kNone;
    std::uint64_t word = in_use_[bin / 64] & (~std::uint64_t{0} << (bin % 64));
    for (std::size_t index = bin / 64;;) {
      if (word != 0) return index * 64 + static_cast<std::size_t>(std::countr_zero(word));
      if (++index == in_use_.size()) return kNone;
      word = in_use_[index];
    }
  }

 private:
  std::array<std::uint32_t, kCount> heads_{};
  std::array<std::uint64_t, (kCount + 63) / 64> in_use_{};
};

}  // namespace agora
