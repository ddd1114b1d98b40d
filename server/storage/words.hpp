// Words: memory of the core that programs on this host may change too, at any time and in any way.
//
// One linear space of 8-byte words over extents that never move, as an arena has, but with nothing
// in it save what it is for: which parts are free is known to the server alone, so whatever a
// hostile program writes there, it spoils what it could have written anyway. All access is atomic
// and sequentially consistent. Not thread-safe but for the words themselves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "shared/base/extent_source.hpp"

namespace agora {

/// The number of a word in that space.
using WordPlace = std::uint32_t;

class Words {
 public:
  static constexpr std::size_t kWordBytes = 8;
  static constexpr std::size_t kLineWords = 8;  ///< what a cache line holds
  static constexpr std::size_t kPageWords = (std::size_t{1} << 20) / kWordBytes;

  /// The source must outlive this.
  explicit Words(ExtentSource& source) : source_(source) {}
  Words(const Words&) = delete;
  Words& operator=(const Words&) = delete;

  /// Whole cache lines for `bytes` (>= 1) bytes side by side, all zero. Nothing: no memory.
  std::optional<WordPlace> allocate(std::size_t bytes);
  /// Takes them back.
  void free(WordPlace first, std::size_t bytes);

  /// One word; those that are handed out one after the other share no cache line for as long as
  /// that can be. It holds what it held when it was freed: 0 at first.
  std::optional<WordPlace> allocate_word();
  void free_word(WordPlace place) { spare_words_.push_back(place); }

  /// The address of a word, the same for as long as this lives.
  std::byte* at(WordPlace place) const {
    return pages_[place / kPageWords] + (place % kPageWords) * kWordBytes;
  }
  std::uint64_t load(WordPlace place) const {
    return __atomic_load_n(word(place), __ATOMIC_SEQ_CST);
  }
  /// Puts `desired` there if `expected` is there; else tells in `expected` what is.
  bool compare_exchange(WordPlace place, std::uint64_t& expected, std::uint64_t desired) {
    return __atomic_compare_exchange_n(word(place), &expected, desired, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
  }

  /// Sets those bits; tells what was there before. One step, whatever others write meanwhile.
  std::uint64_t set_bits(WordPlace place, std::uint64_t bits) {
    return __atomic_fetch_or(word(place), bits, __ATOMIC_SEQ_CST);
  }
  /// Puts `bits` there, whatever was there before.
  void store(WordPlace place, std::uint64_t bits) {
    __atomic_store_n(word(place), bits, __ATOMIC_SEQ_CST);
  }

  /// Handed out now, bytes.
  std::size_t bytes_used() const { return lines_used_ * kLineWords * kWordBytes; }

 private:
  std::uint64_t* word(WordPlace place) const { return reinterpret_cast<std::uint64_t*>(at(place)); }
  bool grow(std::size_t lines);
  void put_back(std::uint32_t line, std::uint32_t lines);

  ExtentSource& source_;
  std::vector<std::byte*> pages_;
  std::map<std::uint32_t, std::uint32_t> free_;  // first line -> lines, of one extent each
  std::vector<WordPlace> spare_words_;
  std::size_t lines_used_ = 0;
  std::size_t next_extent_pages_ = 1;
};

/// A number of 1, 2, 4 or 8 bytes in such memory, as the unsigned number of its bits.
std::uint64_t load_bits(const std::byte* from, std::size_t bytes);
/// As Words::compare_exchange.
bool exchange_bits(std::byte* at, std::size_t bytes, std::uint64_t& expected,
                   std::uint64_t desired);
/// Puts `bits` there; tells what was there before.
std::uint64_t swap_bits(std::byte* at, std::size_t bytes, std::uint64_t bits);
/// Adds modulo 2^(8 * bytes); tells what was there before.
std::uint64_t add_bits(std::byte* at, std::size_t bytes, std::uint64_t amount);
void store_bits(std::byte* at, std::size_t bytes, std::uint64_t bits);

/// So often a change that depends on what was there is tried. Programs may write there without end,
/// and the server's thread has others to serve.
inline constexpr int kWordTriesMax = 1000;

}  // namespace agora
