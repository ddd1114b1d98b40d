// SPDX-License-Identifier: MIT

// EntryValue: a value about to be written into an entry, inline or as the handle of a value stored
// outside.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "server/storage/entry.hpp"
#include "server/storage/values.hpp"
#include "shared/value/packed.hpp"

namespace agora {

/// Stores a large value outside at once, and frees it again if it is destroyed before `keep`.
class EntryValue {
 public:
  /// @param value  may be absent (sets); must outlive this object.
  EntryValue(Values& values, PackedView value);
  EntryValue(const EntryValue&) = delete;
  EntryValue& operator=(const EntryValue&) = delete;
  ~EntryValue();

  /// Returns false if there was no memory for the value.
  bool valid() const { return valid_; }
  /// Returns the number of bytes that the value, or its handle, takes in the entry.
  std::size_t size() const { return word_ & Entry::kLengthMask; }

  /// Writes the value behind the entry's key. The bytes overwritten there may be the value itself.
  void write(Entry& entry) const;

  /// Passes the ownership of the value in the arena to the entry.
  void keep() { outside_ = {}; }

 private:
  Values& values_;
  std::string_view inline_;
  Handle outside_;
  std::uint32_t word_ = 0;
  bool valid_ = false;
};

}  // namespace agora
