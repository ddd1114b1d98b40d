// SPDX-License-Identifier: MIT

// NameCache: a direct-mapped cache in front of a hash table that is keyed by names. A hit costs one
// comparison of names and no hash of the whole name.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "shared/base/bytes_equal.hpp"

namespace agora {

/// Keeps views and pointers: the caller erases a name before the name or its value is destroyed.
/// A new entry evicts the one in its slot.
template <typename Value>
class NameCache {
 public:
  /// Returns the cached value, or null on a miss.
  Value* find(std::string_view name) const {
    const Slot& slot = slots_[slot_of(name)];
    return bytes_equal(slot.name, name) ? slot.value : nullptr;
  }
  void insert(std::string_view name, Value& value) { slots_[slot_of(name)] = {name, &value}; }
  void erase(std::string_view name) { slots_[slot_of(name)] = {}; }

 private:
  struct Slot {
    std::string_view name;
    Value* value = nullptr;
  };
  static constexpr unsigned kSlotBits = 7;

  /// Hashes the length and the last 4 bytes only: names mostly differ in these.
  static std::size_t slot_of(std::string_view name) {
    std::uint32_t end = 0;
    if (name.size() >= sizeof end) {
      std::memcpy(&end, name.data() + name.size() - sizeof end, sizeof end);
    } else {
      for (const char c : name) end = end << 8 | static_cast<unsigned char>(c);
    }
    return (end ^ static_cast<std::uint32_t>(name.size())) * 0x9e3779b1U >> (32 - kSlotBits);
  }

  std::array<Slot, std::size_t{1} << kSlotBits> slots_{};
};

}  // namespace agora
