// SPDX-License-Identifier: MIT

// Needle: a value that is looked for among others.
//
// Its comparison key is made once. An element needs a key of its own only if its bytes may differ
// from that key, and if its kind and size allow the two to be equal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "shared/value/key_bytes.hpp"
#include "shared/value/packed.hpp"

namespace agora {

class Needle {
 public:
  /// The value must outlive this object.
  explicit Needle(PackedView value) : key_(key_bytes(value, scratch_)) {}
  Needle(const Needle&) = delete;
  Needle& operator=(const Needle&) = delete;

  bool equals(PackedView element) {
    ++units_;
    if (element.size() == key_.size()) {
      units_ += key_.size() / kBytesCompared;
      if (element.bytes() == key_) return true;
    }
    const Kind kind = element.kind();
    if (kind == Kind::real) return key_bytes(element, of_element_) == key_;
    if (kind != Kind::list && kind != Kind::map) return false;
    // The key of a list or map is no longer than the value, and at most 9 times shorter: a float
    // of 9 bytes may become an integer of one.
    if (kind != PackedView{key_}.kind() || element.size() < key_.size()) return false;
    if (element.size() > 9 * key_.size()) return false;
    units_ += element.size() / kBytesRead;
    return key_bytes(element, of_element_) == key_;
  }

  /// Returns the units of work (Machine::spend) of all comparisons so far.
  std::size_t units() const { return units_; }

 private:
  static constexpr std::size_t kBytesCompared = 64;  // in a unit of time
  static constexpr std::size_t kBytesRead = 2;       // in a unit of time, to make a key

  std::string scratch_;
  std::string of_element_;
  std::string_view key_;
  std::size_t units_ = 0;
};

}  // namespace agora
