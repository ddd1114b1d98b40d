// Recent: what was looked up by name lately, for look-ups that come again and again. A hit costs
// one comparison of names, and no hash.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "shared/base/same_bytes.hpp"

namespace agora {

/// Whoever uses it forgets a name before it, or its value, goes.
template <typename Value>
class Recent {
 public:
  /// Null: not remembered.
  Value* find(std::string_view name) const {
    const Slot& slot = slots_[place(name)];
    return same_bytes(slot.name, name) ? slot.value : nullptr;
  }
  void remember(std::string_view name, Value& value) { slots_[place(name)] = {name, &value}; }
  void forget(std::string_view name) { slots_[place(name)] = {}; }

 private:
  struct Slot {
    std::string_view name;
    Value* value = nullptr;
  };
  static constexpr unsigned kSlotBits = 7;

  /// By what names mostly differ in: their length and their end.
  static std::size_t place(std::string_view name) {
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
