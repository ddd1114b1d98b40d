// Recent: what was looked up by name lately, for look-ups that come again and again. A hit costs
// one comparison of names, and no hash.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace agora {

/// Whoever uses it forgets a name before it, or its value, goes.
template <typename Value>
class Recent {
 public:
  /// Null: not remembered.
  Value* find(std::string_view name) const {
    const Slot& slot = slots_[place(name)];
    return slot.name == name ? slot.value : nullptr;
  }
  void remember(std::string_view name, Value& value) { slots_[place(name)] = {name, &value}; }
  void forget(std::string_view name) { slots_[place(name)] = {}; }

 private:
  struct Slot {
    std::string_view name;
    Value* value = nullptr;
  };
  static constexpr std::size_t kSlots = 64;

  static std::size_t place(std::string_view name) {
    if (name.empty()) return 0;
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(name[i]); };
    return (name.size() + at(0) * 7U + at(name.size() / 2) * 5U + at(name.size() - 1)) % kSlots;
  }

  std::array<Slot, kSlots> slots_{};
};

}  // namespace agora
