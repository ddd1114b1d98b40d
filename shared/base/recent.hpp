// Recent: what was looked up by name lately, for look-ups that come again and again. A hit costs a
// comparison of the names and no hash of them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace agora {

/// Whoever uses it says what is forgotten: a name and a value must live for as long as they are
/// remembered.
template <typename Value>
class Recent {
 public:
  /// Null: not remembered.
  Value* find(std::string_view name) const {
    const Slot& slot = slots_[place(name)];
    return slot.value != nullptr && slot.name == name ? slot.value : nullptr;
  }
  void remember(std::string_view name, Value& value) { slots_[place(name)] = {name, &value}; }
  void forget(std::string_view name) { slots_[place(name)] = {}; }

 private:
  struct Slot {
    std::string_view name;
    Value* value = nullptr;
  };
  static constexpr std::size_t kSlots = 64;

  /// By length and last bytes, where names of one kind differ.
  static std::size_t place(std::string_view name) {
    constexpr std::uint64_t kSpread = 0x9e3779b97f4a7c15;
    std::uint64_t bytes = 0;
    const std::size_t last = name.size() < sizeof bytes ? name.size() : sizeof bytes;
    std::memcpy(&bytes, name.data() + name.size() - last, last);
    return ((bytes + name.size()) * kSpread) >> 58;
  }

  std::array<Slot, kSlots> slots_{};
  static_assert(kSlots == std::size_t{1} << (64 - 58));
};

}  // namespace agora
