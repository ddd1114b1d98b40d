// SPDX-License-Identifier: MIT

// Reader: a pull parser for MessagePack, token by token; bounds-checked, without allocation.
//
// Reads trusted bytes (stored values in normal form) and hostile ones (from the wire) alike. It
// trusts no length: a header that announces more than the buffer holds is `truncated`. A token
// reader has no stack, so the caller enforces the budgets of depth and elements (see
// normalize.hpp).
#pragma once

#include <cstdint>
#include <string_view>

#include "shared/value/packed.hpp"

namespace agora {

/// One token: a scalar, or the header of a list or map.
struct Token {
  Kind kind = Kind::null;
  bool boolean = false;
  bool negative = false;           ///< the integer is below zero: read `integer`, not `natural`
  std::uint64_t natural = 0;       ///< an integer >= 0
  std::int64_t integer = 0;        ///< an integer in int64 range, negative or not
  double real = 0;                 ///< float32 is widened
  std::string_view body;           ///< text, bytes, reference name, opaque or extension payload
  std::uint32_t count = 0;         ///< elements of a list, pairs of a map
  std::int8_t extension = 0;       ///< the type number when kind is reference or opaque
  bool unknown_extension = false;  ///< neither reference nor opaque; `kind` is opaque then
};

class Reader {
 public:
  enum class Status : std::uint8_t { ok, truncated, invalid };

  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  explicit Reader(PackedView value) : bytes_(value.bytes()) {}

  /// Reads the next token. On `truncated` or `invalid` (byte 0xc1) the position does not change.
  Status next(Token& token);

  /// Skips one whole value of any depth, without a stack. Returns false if it is truncated or
  /// invalid; the position then is unspecified.
  bool skip();

  /// Skips the next whole value and returns a view of it; an absent view if it is truncated or
  /// invalid.
  PackedView value();

  bool at_end() const { return position_ == bytes_.size(); }
  std::size_t position() const { return position_; }
  std::string_view rest() const { return bytes_.substr(position_); }

 private:
  std::string_view bytes_;
  std::size_t position_ = 0;
};

}  // namespace agora
