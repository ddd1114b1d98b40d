// SPDX-License-Identifier: MIT

// KeyParts: the comparison key of a lookup in two parts: a head of up to 8 bytes in a register, and
// a body in the caller's memory.
//
// So the characters of a text are hashed and compared in place; the head is its MessagePack header.
// A copy of both into one buffer made store-to-load forwarding fail: the wide loads of the hash
// stalled until the narrow stores of the copy, and all stores before them, had left the store
// buffer. That doubled the cost of a lookup.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace agora::shm {

class KeyParts {
 public:
  /// Takes a key whose bytes are contiguous.
  KeyParts(std::string_view body) : body_(body) {}    // NOLINT: implicit
  KeyParts(const std::string& body) : body_(body) {}  // NOLINT: implicit
  /// @param head        the first bytes of the key, little-endian
  /// @param head_bytes  number of bytes in `head`, 0 to 8
  KeyParts(std::uint64_t head, std::size_t head_bytes, std::string_view body)
      : head_(head), head_bytes_(head_bytes), body_(body) {}

  std::size_t size() const { return head_bytes_ + body_.size(); }

  /// Returns the Word at `offset`. @pre offset + sizeof(Word) <= size()
  template <typename Word>
  Word load(std::size_t offset) const {
    if (offset >= head_bytes_) return body_word<Word>(offset - head_bytes_);
    std::uint64_t word = head_ >> (8 * offset);
    const std::size_t from_head = head_bytes_ - offset;
    if (from_head < sizeof(Word)) word |= body_prefix() << (8 * from_head);
    return static_cast<Word>(word);
  }

 private:
  template <typename Word>
  Word body_word(std::size_t offset) const {
    Word word;
    std::memcpy(&word, body_.data() + offset, sizeof word);
    return word;
  }
  /// Returns the first 8 bytes of the body, zero-padded if it is shorter.
  std::uint64_t body_prefix() const {
    if (body_.size() >= 8) return body_word<std::uint64_t>(0);
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < body_.size(); ++i) {
      word |= std::uint64_t{body_word<std::uint8_t>(i)} << (8 * i);
    }
    return word;
  }

  std::uint64_t head_ = 0;
  std::size_t head_bytes_ = 0;
  std::string_view body_;
};

}  // namespace agora::shm
