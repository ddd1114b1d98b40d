// SPDX-License-Identifier: MIT

#include "shared/value/packed.hpp"

#include "shared/base/assert.hpp"

namespace agora {
namespace {

constexpr char kReferenceType = 1;

// Returns the offset of the type number of an extension, by its first byte (0xc7-0xc9, 0xd4-0xd8).
std::size_t extension_type_offset(std::uint8_t first) {
  switch (first) {
    case 0xc7:
      return 2;
    case 0xc8:
      return 3;
    case 0xc9:
      return 5;
    default:
      return 1;
  }
}

}  // namespace

Kind packed::extension_kind(std::string_view bytes) {
  const std::size_t offset = extension_type_offset(static_cast<std::uint8_t>(bytes[0]));
  AGORA_ASSERT(offset < bytes.size());
  return bytes[offset] == kReferenceType ? Kind::reference : Kind::opaque;
}

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::null:
      return "null";
    case Kind::boolean:
      return "bool";
    case Kind::integer:
      return "int";
    case Kind::real:
      return "float";
    case Kind::text:
      return "text";
    case Kind::bytes:
      return "bytes";
    case Kind::list:
      return "list";
    case Kind::map:
      return "map";
    case Kind::reference:
      return "reference";
    case Kind::opaque:
      return "opaque";
  }
  return "unknown";
}

}  // namespace agora
