// How an entry of a Table lies in the arena: this header, the key's bytes, then the value's bytes
// or, if the value is large, its 4-byte handle.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "server/core/arena.hpp"

namespace agora {

struct Entry {
  std::uint32_t next;  ///< the handle of the next entry in the same bucket
  std::uint32_t hash;  ///< the low half of the key's hash
  std::uint64_t sequence;
  std::uint32_t key_word;    ///< length, `key_is_derived`, `key_refers`
  std::uint32_t value_word;  ///< length of what is inline, `value_outside`, `value_refers`

  static constexpr std::uint32_t length_mask = (std::uint32_t{1} << 30) - 1;
  /// The key's own bytes are not its comparison key (floats): derive that to compare.
  static constexpr std::uint32_t key_is_derived = std::uint32_t{1} << 30;
  static constexpr std::uint32_t key_refers = std::uint32_t{1} << 31;
  /// What is inline is the handle of the value.
  static constexpr std::uint32_t value_outside = std::uint32_t{1} << 30;
  static constexpr std::uint32_t value_refers = std::uint32_t{1} << 31;

  std::size_t key_bytes() const { return key_word & length_mask; }
  std::size_t value_bytes() const { return value_word & length_mask; }
  bool is_outside() const { return (value_word & value_outside) != 0; }
  char* key() { return reinterpret_cast<char*>(this) + sizeof(Entry); }
  const char* key() const { return reinterpret_cast<const char*>(this) + sizeof(Entry); }
  char* value() { return key() + key_bytes(); }
  const char* value() const { return key() + key_bytes(); }
  std::size_t block_bytes() const { return sizeof(Entry) + key_bytes() + value_bytes(); }
};
static_assert(sizeof(Entry) == 24);

/// The handle of a value that rests outside of its entry.
inline Handle outside_value(const Entry& entry) {
  Handle value;
  std::memcpy(&value, entry.value(), sizeof value);
  return value;
}

}  // namespace agora
