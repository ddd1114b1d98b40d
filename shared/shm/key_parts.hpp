// A key that is looked up: its comparison key as a few bytes in a register and what lies elsewhere.
//
// So the characters of a text are hashed and compared where the caller has them. Copied behind
// their header first, the wide loads of the hash would have to wait until the narrow stores of the
// copy have left the processor, and with them for all that was under way before: twice the cost.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace agora::shm {

class KeyParts {
 public:
  /// All of it lies together.
  KeyParts(std::string_view body) : body_(body) {}    // NOLINT: wherever a key is wanted
  KeyParts(const std::string& body) : body_(body) {}  // NOLINT: the same
  /// @param head        the first bytes, lowest first
  /// @param head_bytes  0 to 8
  KeyParts(std::uint64_t head, std::size_t head_bytes, std::string_view body)
      : head_(head), head_bytes_(head_bytes), body_(body) {}

  std::size_t size() const { return head_bytes_ + body_.size(); }

  /// The bytes from `place` on, all of which must be there.
  template <typename Word>
  Word load(std::size_t place) const {
    if (place >= head_bytes_) return body_word<Word>(place - head_bytes_);
    std::uint64_t word = head_ >> (8 * place);
    const std::size_t from_head = head_bytes_ - place;
    if (from_head < sizeof(Word)) word |= begin_of_body() << (8 * from_head);
    return static_cast<Word>(word);
  }

 private:
  template <typename Word>
  Word body_word(std::size_t place) const {
    Word word;
    std::memcpy(&word, body_.data() + place, sizeof word);
    return word;
  }
  /// The first 8 bytes, or what there is of them.
  std::uint64_t begin_of_body() const {
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
