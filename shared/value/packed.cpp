#include "shared/value/packed.hpp"

#include "shared/base/assert.hpp"

namespace agora {
namespace {

constexpr char kReferenceType = 1;

// Where the type number of an extension stands, by its first byte (0xc7-0xc9, 0xd4-0xd8).
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

Kind extension_kind(std::string_view bytes, std::uint8_t first) {
  const std::size_t offset = extension_type_offset(first);
  AGORA_ASSERT(offset < bytes.size());
  return bytes[offset] == kReferenceType ? Kind::reference : Kind::opaque;
}

Kind tagged_kind(std::string_view bytes, std::uint8_t first) {
  if (first == 0xc0) return Kind::null;
  if (first == 0xc2 || first == 0xc3) return Kind::boolean;
  if (first >= 0xc4 && first <= 0xc6) return Kind::bytes;
  if (first >= 0xc7 && first <= 0xc9) return extension_kind(bytes, first);
  if (first == 0xca || first == 0xcb) return Kind::real;
  if (first >= 0xcc && first <= 0xd3) return Kind::integer;
  if (first >= 0xd4 && first <= 0xd8) return extension_kind(bytes, first);
  if (first >= 0xd9 && first <= 0xdb) return Kind::text;
  if (first >= 0xdc && first <= 0xdd) return Kind::list;
  AGORA_ASSERT(first >= 0xde);
  return Kind::map;
}

}  // namespace

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

Kind PackedView::kind() const {
  AGORA_ASSERT(present());
  const auto first = static_cast<std::uint8_t>(bytes_[0]);
  if (first < 0x80 || first >= 0xe0) return Kind::integer;
  if (first < 0x90) return Kind::map;
  if (first < 0xa0) return Kind::list;
  if (first < 0xc0) return Kind::text;
  return tagged_kind(bytes_, first);
}

}  // namespace agora
