// How the content of a table lies in the server's memory, for the one who writes and those who
// read.
//
// The heads of the hash chains lie in segments; where there is more than one of these, a directory
// names them. The cell's `shape` says where that is and how many heads there are. Handles are units
// of 16 bytes (shared/shm/pages.hpp); an entry is a block of its own.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace agora::shm {

/// In front of an entry: the key's bytes follow, then the value's bytes or, if the value is large,
/// its 4-byte handle.
struct Entry {
  std::uint32_t next;  ///< the handle of the next entry in the same bucket
  std::uint32_t hash;  ///< the low half of the key's hash
  std::uint64_t sequence;
  std::uint32_t key_word;    ///< length, `kKeyIsDerived`, `kKeyRefers`
  std::uint32_t value_word;  ///< length of what is inline, `kValueOutside`, `kValueRefers`

  static constexpr std::uint32_t kLengthMask = (std::uint32_t{1} << 30) - 1;
  /// The key's own bytes are not its comparison key (floats): derive that to compare.
  static constexpr std::uint32_t kKeyIsDerived = std::uint32_t{1} << 30;
  static constexpr std::uint32_t kKeyRefers = std::uint32_t{1} << 31;
  /// What is inline is the handle of the value.
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

/// Heads in a segment.
inline constexpr std::uint32_t kSegmentSlots = 1024;

/// What Cell::shape says of a table.
struct TableShape {
  std::uint32_t root = 0;   ///< the only segment, or the directory if there are more
  std::uint32_t count = 0;  ///< of buckets; 0: there is nothing

  static TableShape of(std::uint64_t word) {
    return {static_cast<std::uint32_t>(word >> 32), static_cast<std::uint32_t>(word)};
  }
  std::uint64_t word() const { return std::uint64_t{root} << 32 | count; }
  bool has_directory() const { return count > kSegmentSlots; }

  /// The bucket for a hash; `count` must not be 0. Linear hashing: a hash is cut to as many bits as
  /// the last bucket's number has, and where that names none that is there, the highest is dropped.
  std::uint32_t bucket_of(std::uint32_t hash) const {
    const std::uint32_t mask = bucket_mask(count);
    const std::uint32_t index = hash & mask;
    return index < count ? index : hash & (mask >> 1);
  }

 private:
  /// What is read while it is torn may be any number, for which std::bit_ceil has no answer.
  static std::uint32_t bucket_mask(std::uint32_t count) {
    return count <= 1 ? 0 : ~std::uint32_t{0} >> std::countl_zero(count - 1);
  }
};

}  // namespace agora::shm
