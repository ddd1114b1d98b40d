// SPDX-License-Identifier: MIT

// NamePattern: a name pattern (glob): * matches any text, ? one byte, any other byte itself.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace agora {

/// A pattern, compiled to a bit-parallel automaton: bit i of the state says that the first i bytes
/// of the pattern, stars not counted, match the bytes read so far. No pattern backtracks: a name
/// costs step_words() operations for each of its bytes.
class NamePattern {
 public:
  explicit NamePattern(std::string_view pattern) {
    for (const char each : pattern) length_ += each == '*' ? 0 : 1;
    words_ = length_ / kBits + 1;
    loops_.resize(words_);
    masks_.resize(words_);  // the first row: for bytes that do not stand in the pattern
    for (const char each : pattern) {
      if (each != '*' && each != '?') add_row(each);
    }
    std::size_t position = 0;
    for (const char each : pattern) {
      if (each == '*') {
        set(&loops_[0], position);
      } else if (each == '?') {
        for (std::size_t row = 0; row < masks_.size(); row += words_) set(&masks_[row], position);
        ++position;
      } else {
        set(&masks_[row_of(each)], position++);
      }
    }
  }

  /// Tells whether the pattern matches the whole name.
  bool matches(std::string_view name) const {
    if (words_ == 1) return matches_one_word(name);
    std::vector<std::uint64_t> state(words_);
    state[0] = 1;
    for (const char each : name) {
      const std::uint64_t* const mask = &masks_[row_of(each)];
      std::uint64_t carry = 0;
      std::uint64_t any = 0;
      for (std::size_t i = 0; i < words_; ++i) {
        const std::uint64_t matched = state[i] & mask[i];
        state[i] = (state[i] & loops_[i]) | matched << 1 | carry;
        carry = matched >> (kBits - 1);
        any |= state[i];
      }
      if (any == 0) return false;
    }
    return (state[length_ / kBits] >> length_ % kBits & 1) != 0;
  }

  /// Returns the operations that each byte of a name costs.
  std::size_t step_words() const { return words_; }
  /// Returns the memory of the automaton, bytes.
  std::size_t bytes() const {
    return sizeof(NamePattern) + (masks_.size() + loops_.size()) * sizeof(std::uint64_t);
  }

 private:
  static constexpr std::size_t kBits = 64;

  static void set(std::uint64_t* words, std::size_t bit) {
    words[bit / kBits] |= std::uint64_t{1} << bit % kBits;
  }
  std::size_t row_of(char byte) const { return rows_[static_cast<unsigned char>(byte)] * words_; }
  void add_row(char byte) {
    std::uint16_t& row = rows_[static_cast<unsigned char>(byte)];
    if (row != 0) return;
    row = static_cast<std::uint16_t>(masks_.size() / words_);
    masks_.resize(masks_.size() + words_);
  }
  bool matches_one_word(std::string_view name) const {
    std::uint64_t state = 1;
    for (const char each : name) {
      state = (state & loops_[0]) | (state & masks_[row_of(each)]) << 1;
      if (state == 0) return false;
    }
    return (state >> length_ & 1) != 0;
  }

  std::size_t length_ = 0;  // bytes of the pattern without its stars
  std::size_t words_ = 1;
  std::array<std::uint16_t, 256> rows_{};  // of each byte: its row in masks_
  std::vector<std::uint64_t> masks_;       // bit i of a row: the byte matches position i
  std::vector<std::uint64_t> loops_;       // bit i: a star stands before position i
};

}  // namespace agora
