// Reads MessagePack token by token: iterative, bounds-checked, without allocation.
//
// Serves both trusted bytes (normal form at rest) and hostile ones (the wire): nothing is
// clamp_token, a header that promises more than is there is `truncated`. Depth and element budgets
// are the business of the caller (see normalize.hpp), since a token reader has no stack.
#pragma once

#include <cstdint>
#include <string_view>

#include "shared/value/packed.hpp"

namespace agora {

/// One scalar, or the header of a list or map.
struct Token {
  Kind kind = Kind::null;
  bool boolean = false;
  bool negative = false;           ///< an integer below zero: read `integer`, else `natural`
  std::uint64_t natural = 0;       ///< an integer >= 0
  std::int64_t integer = 0;        ///< an integer in int64 range (also when >= 0 and it fits)
  double real = 0;                 ///< float32 is widened
  std::string_view body;           ///< text, bytes, reference name, opaque or extension payload
  std::uint32_t count = 0;         ///< elements of a list, pairs of a map
  std::int8_t extension = 0;       ///< the type number when kind is reference or opaque
  bool unknown_extension = false;  ///< neither reference nor opaque; `kind` then says opaque
};

class Reader {
 public:
  enum class Status : std::uint8_t { ok, truncated, invalid };

  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  explicit Reader(PackedView value) : bytes_(value.bytes()) {}

  /// Reads the next token. On `truncated` or `invalid` (byte 0xc1) the position stays.
  Status next(Token& token);

  /// Passes over one whole value, however deep, without a stack. False: truncated or invalid; the
  /// position then is unspecified.
  bool skip();

  /// The next whole value as a view, passed over; absent view if truncated or invalid.
  PackedView value();

  bool at_end() const { return position_ == bytes_.size(); }
  std::size_t position() const { return position_; }
  std::string_view rest() const { return bytes_.substr(position_); }

 private:
  std::string_view bytes_;
  std::size_t position_ = 0;
};

}  // namespace agora
