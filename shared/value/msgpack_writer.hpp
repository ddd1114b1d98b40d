// Writes MessagePack in normal form (always the shortest encoding) to the end of a string.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "shared/value/packed.hpp"

namespace agora {

/// Appends values to `out`. Lists and maps are a header followed by that many values (a map:
/// twice as many); nothing checks that the caller keeps its word.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  void null();
  void boolean(bool value);
  void integer(std::int64_t value);
  void unsigned_integer(std::uint64_t value);
  void real(double value);
  void text(std::string_view utf8);
  void bytes(std::string_view raw);
  void list(std::uint32_t count);
  void map(std::uint32_t count);
  void reference(std::string_view name);
  /// `payload` = the MessagePack encoding of [bytes, [references]].
  void opaque(std::string_view payload);
  /// A raw extension header and body (the wire's call options, type 3).
  void extension(std::int8_t type, std::string_view body);
  void packed(PackedView value) { out_.append(value.bytes()); }

  std::string& out() { return out_; }

 private:
  std::string& out_;
};

}  // namespace agora
