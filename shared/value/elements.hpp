// SPDX-License-Identifier: MIT

// Elements: a list in normal form as a range of views, and the token reader for such trusted bytes.
#pragma once

#include <cstdint>

#include "shared/value/msgpack_reader.hpp"

namespace agora {

/// Reads the next token of bytes that are known to be in normal form, so that this cannot fail.
inline Token read(Reader& reader) {
  Token token;
  static_cast<void>(reader.next(token));
  return token;
}

/// A range over the elements of a list: `for (const PackedView element : Elements{list})`. The list
/// must be in normal form and outlive the range. One pass: a range is iterated once.
class Elements {
 public:
  struct End {};
  class Iterator {
   public:
    explicit Iterator(Elements& range) : range_(range) { read_next(); }
    PackedView operator*() const { return element_; }
    Iterator& operator++() {
      --range_.count_;
      read_next();
      return *this;
    }
    bool operator!=(End) const { return range_.count_ > 0; }

   private:
    void read_next() {
      if (range_.count_ > 0) element_ = range_.reader_.value();
    }

    Elements& range_;
    PackedView element_;
  };

  explicit Elements(PackedView list) : reader_(list), count_(read(reader_).count) {}

  /// Returns the number of elements that are left.
  std::uint32_t count() const { return count_; }

  Iterator begin() { return Iterator{*this}; }
  End end() const { return {}; }

 private:
  Reader reader_;
  std::uint32_t count_;
};

}  // namespace agora
