// SPDX-License-Identifier: MIT

// keyed_hash(): the hash of dict keys and object names. Fast, and unpredictable for a client that
// does not know the secret key, so that clients cannot provoke collisions (hash flooding).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace agora {

/// The 128-bit secret of the hash, an input of the core: drawn once per server, recorded for
/// replay.
struct HashKey {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
};

namespace hashing {

__extension__ using Wide = unsigned __int128;

// Digits of pi, as nothing-up-my-sleeve numbers: odd, about half of the bits set.
constexpr std::uint64_t kSpreadLength = 0x243f6a8885a308d3;
constexpr std::uint64_t kSpreadEnd = 0x13198a2e03707345;

inline std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

/// Contiguous bytes.
struct ContiguousBytes {
  std::string_view bytes;

  std::size_t size() const { return bytes.size(); }
  template <typename Word>
  Word load(std::size_t offset) const {
    Word word;
    std::memcpy(&word, bytes.data() + offset, sizeof word);
    return word;
  }
};

}  // namespace hashing

/// Returns a hash of `bytes`, all of whose bits are well mixed. A multiply-fold hash (as wyhash):
/// one 64 x 64 multiplication folds in 16 bytes, with secret words in both factors. So a client
/// without the key cannot construct collisions. Not cryptographic. The result is the same on every
/// machine of one byte order.
/// @param bytes  has size() and load<Word>(offset); its bytes need not be contiguous
template <typename Bytes>
std::uint64_t keyed_hash_of(const Bytes& bytes, HashKey key) {
  std::size_t at = 0;
  std::size_t left = bytes.size();
  std::uint64_t state = key.first ^ (hashing::kSpreadLength * bytes.size());
  for (; left > 16; left -= 16, at += 16) {
    state = hashing::fold(bytes.template load<std::uint64_t>(at) ^ state,
                          bytes.template load<std::uint64_t>(at + 8) ^ key.second);
  }

  // The last 1 to 16 bytes as two words that may overlap, so short keys need no loop over bytes.
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  if (left >= 8) {
    low = bytes.template load<std::uint64_t>(at);
    high = bytes.template load<std::uint64_t>(at + left - 8);
  } else if (left >= 4) {
    low = bytes.template load<std::uint32_t>(at);
    high = bytes.template load<std::uint32_t>(at + left - 4);
  } else if (left > 0) {
    low = bytes.template load<std::uint8_t>(at);
    high = std::uint64_t{bytes.template load<std::uint8_t>(at + left / 2)} << 8 |
           bytes.template load<std::uint8_t>(at + left - 1);
  }
  state = hashing::fold(low ^ state, high ^ key.second);
  return hashing::fold(state ^ key.first, key.second ^ hashing::kSpreadEnd);
}

inline std::uint64_t keyed_hash(std::string_view bytes, HashKey key) {
  return keyed_hash_of(hashing::ContiguousBytes{bytes}, key);
}

}  // namespace agora
