// SPDX-License-Identifier: MIT

// The shortest form of a token (RFC 8949 calls it preferred serialization): the part of
// normalisation that concerns single tokens.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "shared/value/msgpack_reader.hpp"

namespace agora {

/// Returns true if `encoded`, the bytes from which `token` was read, is its shortest form. Checks
/// only the header of an opaque.
bool is_shortest(const Token& token, std::string_view encoded);

/// Appends `token` (no opaque, no unknown extension) in its shortest form.
void append_shortest(const Token& token, std::string& out);

/// The parts of the payload of an opaque value.
struct OpaqueParts {
  bool valid = false;      ///< the payload is exactly [bytes, [references]], with names in UTF-8
  bool shortest = false;   ///< all its tokens are in shortest form
  std::string_view bytes;  ///< the serialized bytes of the language
  std::string_view references;  ///< the references, concatenated as they were encoded
  std::uint32_t reference_count = 0;
  std::uint64_t values = 0;  ///< number of values inside, for the element budget
};

/// Reads the payload of an opaque value; safe on bytes from the network. Cost: its tokens.
OpaqueParts read_opaque(std::string_view payload);

/// Appends a valid opaque in normal form.
void append_opaque(const OpaqueParts& parts, std::string& out);

}  // namespace agora
