// SPDX-License-Identifier: MIT

// Writes MessagePack in normal form (always the shortest encoding) to the end of a string.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "shared/value/packed.hpp"

namespace agora {

/// Appends values to `out`. A list or map is a header, followed by as many values as it announces
/// (a map: twice as many). The caller must append exactly these; the Writer does not check that.
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
  /// @param payload  the MessagePack encoding of [bytes, [references]]
  void opaque(std::string_view payload);
  /// Appends an extension header and a body (such as the call options of the wire, type 3).
  void extension(std::int8_t type, std::string_view body);
  void packed(PackedView value) { out_.append(value.bytes()); }

  std::string& out() { return out_; }

 private:
  std::string& out_;
};

}  // namespace agora
