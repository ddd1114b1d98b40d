// Reading memory that another process may be writing: what is read may be torn, and is thrown away
// if the cell's sequence has moved. Here it is read in ways that torn bytes cannot harm.
//
// The server writes with plain stores, so this is a race by design, which the thread sanitizer is
// told to look away from. Every load happens exactly once: a length that was checked is the one
// that is used.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "shared/shm/key_parts.hpp"

namespace agora::shm {

/// One Word from any address, aligned or not, by one load.
template <typename Word>
__attribute__((no_sanitize("thread"))) inline Word load_once(const void* at) {
  struct [[gnu::packed, gnu::may_alias]] Unaligned {
    Word word;
  };
  return static_cast<const volatile Unaligned*>(at)->word;
}

/// Whether the bytes at `shared` are those of `own`; all of `own.size()` must be readable.
inline bool same_bytes(const void* shared, const KeyParts& own) {
  const char* const theirs = static_cast<const char*>(shared);
  const auto differ = [&]<typename Word>(std::size_t place, Word) {
    return load_once<Word>(theirs + place) != own.load<Word>(place);
  };
  const std::size_t size = own.size();
  // The last word overlaps the one before it: no byte by byte loop for what is not a multiple.
  if (size >= 8) {
    for (std::size_t place = 0; place + 8 < size; place += 8) {
      if (differ(place, std::uint64_t{})) return false;
    }
    return !differ(size - 8, std::uint64_t{});
  }
  if (size >= 4) return !differ(0, std::uint32_t{}) && !differ(size - 4, std::uint32_t{});
  for (std::size_t place = 0; place < size; ++place) {
    if (differ(place, std::uint8_t{})) return false;
  }
  return true;
}

/// Makes `own` a copy of bytes that may change meanwhile.
inline void copy_racing(std::string_view shared, std::string& own) {
#if defined(__SANITIZE_THREAD__)
  // The sanitizer watches what library functions read, wherever they are called from.
  own.resize(shared.size());
  for (std::size_t i = 0; i < own.size(); ++i) own[i] = load_once<char>(shared.data() + i);
#else
  own.assign(shared);
#endif
}

}  // namespace agora::shm
