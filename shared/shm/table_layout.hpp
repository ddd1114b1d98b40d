// SPDX-License-Identifier: MIT

// The layout of a hash table in the server's memory, shared by the server that writes it and the
// clients that read it.
//
// Chained hashing: the heads of the chains lie in segments. If there is more than one segment, a
// directory holds their handles. The cell's `shape` holds the root (the segment or the directory)
// and the number of buckets. A handle is a unit of 16 bytes (shared/shm/pages.hpp); an entry is a
// block of its own.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace agora::shm {

/// The header of an entry. The bytes of the key follow, then the bytes of the value or, if the
/// value is large, its 4-byte handle.
struct Entry {
  std::uint32_t next;        ///< the handle of the next entry in the same bucket
  std::uint32_t hash;        ///< the low half of the hash of the key
  std::uint64_t sequence;    ///< its number in insertion order, never reused
  std::uint32_t key_word;    ///< length and the flags `kKeyIsDerived`, `kKeyRefers`
  std::uint32_t value_word;  ///< inline length and the flags `kValueOutside`, `kValueRefers`

  static constexpr std::uint32_t kLengthMask = (std::uint32_t{1} << 30) - 1;
  /// The bytes of the key are not its comparison key (floats), which must be derived from them.
  static constexpr std::uint32_t kKeyIsDerived = std::uint32_t{1} << 30;
  static constexpr std::uint32_t kKeyRefers = std::uint32_t{1} << 31;
  /// The entry holds the handle of the value instead of its bytes.
  static constexpr std::uint32_t kValueOutside = std::uint32_t{1} << 30;
  static constexpr std::uint32_t kValueRefers = std::uint32_t{1} << 31;

  std::size_t key_bytes() const { return key_word & kLengthMask; }
  std::size_t value_bytes() const { return value_word & kLengthMask; }
  bool is_outside() const { return (value_word & kValueOutside) != 0; }
  char* key() { return reinterpret_cast<char*>(this) + sizeof(Entry); }
  const char* key() const { return reinterpret_cast<const char*>(this) + sizeof(Entry); }
  char* value() { return key() + key_bytes(); }
  const char* value() const { return key() + key_bytes(); }
  std::size_t block_bytes() const { return sizeof(Entry) + key_bytes() + value_bytes(); }
};
static_assert(sizeof(Entry) == 24);

/// Heads per segment.
inline constexpr std::uint32_t kSegmentSlots = 1024;

/// Cell::shape of a table, unpacked.
struct TableShape {
  std::uint32_t root = 0;   ///< the only segment, or the directory if there are more
  std::uint32_t count = 0;  ///< number of buckets; 0 for an empty table

  static TableShape of(std::uint64_t word) {
    return {static_cast<std::uint32_t>(word >> 32), static_cast<std::uint32_t>(word)};
  }
  std::uint64_t word() const { return std::uint64_t{root} << 32 | count; }
  bool has_directory() const { return count > kSegmentSlots; }

  /// Returns the bucket of a hash. Linear hashing: takes as many low bits of the hash as the index
  /// of the last bucket, count - 1, has. If there is no such bucket yet, drops the highest of them.
  /// @pre count > 0
  std::uint32_t bucket_of(std::uint32_t hash) const {
    const std::uint32_t mask = bucket_mask(count);
    const std::uint32_t index = hash & mask;
    return index < count ? index : hash & (mask >> 1);
  }

 private:
  /// Not std::bit_ceil: a torn count may be any number, and for some of them bit_ceil is undefined.
  static std::uint32_t bucket_mask(std::uint32_t count) {
    return count <= 1 ? 0 : ~std::uint32_t{0} >> std::countl_zero(count - 1);
  }
};

}  // namespace agora::shm
