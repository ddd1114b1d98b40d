// EntryValue: a value on its way into an entry, inline or as the handle of one stored outside.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "server/storage/entry.hpp"
#include "server/storage/values.hpp"
#include "shared/value/packed.hpp"

namespace agora {

/// Stores a large value outside at once; it takes it back if it is destroyed before `keep`.
class EntryValue {
 public:
  /// @param value  may be absent (sets); must live as long as this.
  EntryValue(Values& values, PackedView value);
  EntryValue(const EntryValue&) = delete;
  EntryValue& operator=(const EntryValue&) = delete;
  ~EntryValue();

  /// False: there was no room for the value.
  bool valid() const { return valid_; }
  /// Bytes that it takes in the entry.
  std::size_t size() const { return word_ & Entry::kLengthMask; }

  /// Writes itself behind the entry's key. What is overwritten there may be the very value.
  void write(Entry& entry) const;

  /// The value in the arena now belongs to the entry.
  void keep() { outside_ = {}; }

 private:
  Values& values_;
  std::string_view inline_;
  Handle outside_;
  std::uint32_t word_ = 0;
  bool valid_ = false;
};

}  // namespace agora
