// SPDX-License-Identifier: MIT

#include "shared/value/shortest_form.hpp"

#include "shared/value/msgpack_writer.hpp"
#include "shared/value/utf8.hpp"

namespace agora {
namespace {

std::size_t natural_size(std::uint64_t value) {
  if (value < 0x80) return 1;
  if (value < 0x100) return 2;
  if (value < 0x10000) return 3;
  return value <= 0xffffffffU ? 5 : 9;
}

std::size_t negative_size(std::int64_t value) {
  if (value >= -32) return 1;
  if (value >= -0x80) return 2;
  if (value >= -0x8000) return 3;
  return value >= -0x80000000LL ? 5 : 9;
}

// If the unsigned and the signed form are equally long, only the unsigned one is normal.
bool is_shortest_integer(const Token& token, std::string_view encoded) {
  if (token.negative) return encoded.size() == negative_size(token.integer);
  const auto first = static_cast<std::uint8_t>(encoded[0]);
  const bool signed_form = first >= 0xd0 && first <= 0xd3;
  return !signed_form && encoded.size() == natural_size(token.natural);
}

std::size_t length_header_size(std::size_t length) {
  if (length < 0x100) return 2;
  return length < 0x10000 ? 3 : 5;
}

std::size_t text_header_size(std::size_t length) {
  return length < 32 ? 1 : length_header_size(length);
}

std::size_t extension_header_size(std::size_t length) {
  const bool fixed = length == 1 || length == 2 || length == 4 || length == 8 || length == 16;
  return fixed ? 2 : 1 + length_header_size(length);
}

std::size_t count_header_size(std::uint32_t count) {
  if (count < 16) return 1;
  return count < 0x10000 ? 3 : 5;
}

// Reads one token that must be of `kind`, and records in `parts` whether it was in shortest form.
bool read_part(Reader& reader, Kind kind, Token& token, OpaqueParts& parts) {
  const std::string_view before = reader.rest();
  if (reader.next(token) != Reader::Status::ok || token.kind != kind) return false;
  const std::size_t taken = before.size() - reader.rest().size();
  parts.shortest = parts.shortest && is_shortest(token, before.substr(0, taken));
  ++parts.values;
  return true;
}

}  // namespace

bool is_shortest(const Token& token, std::string_view encoded) {
  switch (token.kind) {
    case Kind::null:
    case Kind::boolean:
      return true;
    case Kind::integer:
      return is_shortest_integer(token, encoded);
    case Kind::real:
      return encoded.size() == 9;
    case Kind::text:
      return encoded.size() == text_header_size(token.body.size()) + token.body.size();
    case Kind::bytes:
      return encoded.size() == length_header_size(token.body.size()) + token.body.size();
    case Kind::list:
    case Kind::map:
      return encoded.size() == count_header_size(token.count);
    case Kind::reference:
    case Kind::opaque:
      return encoded.size() == extension_header_size(token.body.size()) + token.body.size();
  }
  return false;
}

void append_shortest(const Token& token, std::string& out) {
  Writer writer(out);
  switch (token.kind) {
    case Kind::null:
      return writer.null();
    case Kind::boolean:
      return writer.boolean(token.boolean);
    case Kind::integer:
      return token.negative ? writer.integer(token.integer)
                            : writer.unsigned_integer(token.natural);
    case Kind::real:
      return writer.real(token.real);
    case Kind::text:
      return writer.text(token.body);
    case Kind::bytes:
      return writer.bytes(token.body);
    case Kind::list:
      return writer.list(token.count);
    case Kind::map:
      return writer.map(token.count);
    case Kind::reference:
      return writer.reference(token.body);
    case Kind::opaque:
      return writer.opaque(token.body);
  }
}

OpaqueParts read_opaque(std::string_view payload) {
  OpaqueParts parts;
  parts.shortest = true;
  Reader reader(payload);
  Token token;
  if (!read_part(reader, Kind::list, token, parts) || token.count != 2) return parts;
  if (!read_part(reader, Kind::bytes, token, parts)) return parts;
  parts.bytes = token.body;
  if (!read_part(reader, Kind::list, token, parts)) return parts;
  parts.reference_count = token.count;
  parts.references = reader.rest();
  for (std::uint32_t i = 0; i < parts.reference_count; ++i) {
    if (!read_part(reader, Kind::reference, token, parts) || !is_utf8(token.body)) return parts;
  }
  parts.valid = reader.at_end();
  return parts;
}

void append_opaque(const OpaqueParts& parts, std::string& out) {
  std::string payload;
  Writer writer(payload);
  writer.list(2);
  writer.bytes(parts.bytes);
  writer.list(parts.reference_count);
  Reader reader(parts.references);
  Token token;
  for (std::uint32_t i = 0; i < parts.reference_count; ++i) {
    if (reader.next(token) == Reader::Status::ok) writer.reference(token.body);
  }
  Writer(out).opaque(payload);
}

}  // namespace agora
