// SPDX-License-Identifier: MIT

// Racy reads of memory that the server may be writing: the bytes may be torn. The seqlock reader
// discards them if the cell's sequence has changed; these functions are safe on torn bytes.
//
// The server writes with plain stores, so this is a data race by design, excluded from the thread
// sanitizer. Every load happens exactly once (as READ_ONCE in the Linux kernel), so a length cannot
// change between its check and its use (no double fetch).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "shared/shm/key_parts.hpp"

namespace agora::shm {

/// Loads one Word from any address, aligned or not, exactly once.
template <typename Word>
__attribute__((no_sanitize("thread"))) inline Word load_once(const void* at) {
  struct [[gnu::packed, gnu::may_alias]] Unaligned {
    Word word;
  };
  return static_cast<const volatile Unaligned*>(at)->word;
}

/// Returns true if the bytes at `shared` equal `own`. @pre `own.size()` bytes are readable there
inline bool bytes_equal(const void* shared, const KeyParts& own) {
  const char* const theirs = static_cast<const char*>(shared);
  const auto differ = [&]<typename Word>(std::size_t offset, Word) {
    return load_once<Word>(theirs + offset) != own.load<Word>(offset);
  };
  const std::size_t size = own.size();
  // The last word may overlap the one before it, so no tail of single bytes is left over.
  if (size >= 8) {
    for (std::size_t offset = 0; offset + 8 < size; offset += 8) {
      if (differ(offset, std::uint64_t{})) return false;
    }
    return !differ(size - 8, std::uint64_t{});
  }
  if (size >= 4) return !differ(0, std::uint32_t{}) && !differ(size - 4, std::uint32_t{});
  for (std::size_t offset = 0; offset < size; ++offset) {
    if (differ(offset, std::uint8_t{})) return false;
  }
  return true;
}

/// Copies bytes that the server may change meanwhile into `own`.
inline void copy_racing(std::string_view shared, std::string& own) {
#if defined(__SANITIZE_THREAD__)
  // The sanitizer intercepts library functions, even in a function that it is told to ignore.
  own.resize(shared.size());
  for (std::size_t i = 0; i < own.size(); ++i) own[i] = load_once<char>(shared.data() + i);
#else
  own.assign(shared);
#endif
}

}  // namespace agora::shm
