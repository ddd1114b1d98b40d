// SPDX-License-Identifier: MIT

// Words: memory of the core that clients on this host may write too, at any time and with any
// value.
//
// One linear space of 8-byte words over extents that never move, like an arena. It holds nothing
// but payload: the free lists lie in the server's private memory, so a hostile client can corrupt
// only words that it may write anyway. All access is atomic and sequentially consistent. Only the
// words themselves are thread-safe; the allocator is not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "shared/base/extent_source.hpp"

namespace agora {

/// The index of a word in that space.
using WordPlace = std::uint32_t;

class Words {
 public:
  static constexpr std::size_t kWordBytes = 8;
  static constexpr std::size_t kLineWords = 8;  ///< words in a cache line
  static constexpr std::size_t kPageWords = (std::size_t{1} << 20) / kWordBytes;

  /// The source must outlive this object.
  explicit Words(ExtentSource& source) : source_(source) {}
  Words(const Words&) = delete;
  Words& operator=(const Words&) = delete;

  /// Allocates contiguous, whole cache lines for `bytes` (>= 1) bytes, zeroed. In a new extent they
  /// are zero already and are not touched. Returns nullopt if there is no memory.
  std::optional<WordPlace> allocate(std::size_t bytes);
  /// Frees the words of one `allocate`.
  void free(WordPlace first, std::size_t bytes);

  /// Allocates one word. Words allocated one after the other share no cache line as long as that
  /// can be avoided. A reused word keeps the value that it had when it was freed; a fresh one is 0.
  std::optional<WordPlace> allocate_word();
  void free_word(WordPlace place) { spare_words_.push_back(place); }

  /// Returns the address of a word, stable for the lifetime of this object.
  std::byte* at(WordPlace place) const {
    return pages_[place / kPageWords] + (place % kPageWords) * kWordBytes;
  }
  std::uint64_t load(WordPlace place) const {
    return __atomic_load_n(word(place), __ATOMIC_SEQ_CST);
  }
  /// Compare-and-swap: stores `desired` if the word equals `expected`, else loads it into
  /// `expected`.
  bool compare_exchange(WordPlace place, std::uint64_t& expected, std::uint64_t desired) {
    return __atomic_compare_exchange_n(word(place), &expected, desired, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
  }

  /// Fetch-or: sets `bits` and returns the previous value.
  std::uint64_t set_bits(WordPlace place, std::uint64_t bits) {
    return __atomic_fetch_or(word(place), bits, __ATOMIC_SEQ_CST);
  }
  /// Stores `bits` unconditionally.
  void store(WordPlace place, std::uint64_t bits) {
    __atomic_store_n(word(place), bits, __ATOMIC_SEQ_CST);
  }

  /// Returns the bytes that are allocated now.
  std::size_t bytes_used() const { return lines_used_ * kLineWords * kWordBytes; }
  /// Returns the total size of all extents without the part that give_back() has discarded and that
  /// cannot be in use again.
  std::size_t bytes_reserved() const;

  /// Gives the memory of large free ranges back to the system. Extents stay, since clients may hold
  /// addresses of words in them.
  void give_back();

 private:
  std::uint64_t* word(WordPlace place) const { return reinterpret_cast<std::uint64_t*>(at(place)); }
  bool grow(std::size_t lines);
  void free_lines(std::uint32_t line, std::uint32_t lines);

  ExtentSource& source_;
  std::vector<std::byte*> pages_;
  std::map<std::uint32_t, std::uint32_t> free_;  // free ranges: first line -> number of lines
  std::vector<WordPlace> spare_words_;
  std::size_t lines_used_ = 0;
  std::size_t discarded_bytes_ = 0;    // by the last give_back()
  std::size_t used_at_give_back_ = 0;  // bytes_used() then
  bool discarded_ = false;             // free ranges may be discarded: renew them before use
  std::size_t next_extent_pages_ = 1;
};

/// Loads a number of 1, 2, 4 or 8 bytes from shared words and returns its bits, zero-extended.
std::uint64_t load_bits(const std::byte* from, std::size_t bytes);
/// Compare-and-swap, as Words::compare_exchange.
bool compare_exchange_bits(std::byte* at, std::size_t bytes, std::uint64_t& expected,
                           std::uint64_t desired);
/// Stores `bits` and returns the previous value.
std::uint64_t exchange_bits(std::byte* at, std::size_t bytes, std::uint64_t bits);
/// Fetch-and-add modulo 2^(8 * bytes): returns the previous value.
std::uint64_t fetch_add_bits(std::byte* at, std::size_t bytes, std::uint64_t amount);
void store_bits(std::byte* at, std::size_t bytes, std::uint64_t bits);

/// Maximum attempts of a compare-and-swap loop. Clients may write to the word continuously, and the
/// server's thread has other clients to serve.
inline constexpr int kCasAttemptsMax = 1000;

}  // namespace agora
