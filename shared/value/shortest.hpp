// The parts of normalisation that look at one token: is it in normal form, and how is it written.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "shared/value/msgpack_reader.hpp"

namespace agora {

/// True if `encoded`, the bytes that `token` was read from, is the shortest form of that token.
/// Of an opaque only the header is looked at.
bool is_shortest(const Token& token, std::string_view encoded);

/// Appends `token` (no opaque, no unknown extension) in its shortest form.
void append_shortest(const Token& token, std::string& out);

/// What the payload of an opaque value holds.
struct OpaqueParts {
  bool valid = false;           ///< it is [bytes, [references]] with names in UTF-8, and no more
  bool shortest = false;        ///< all its tokens are in shortest form
  std::string_view bytes;       ///< the language's private bytes
  std::string_view references;  ///< the references one after another, each as it was encoded
  std::uint32_t reference_count = 0;
  std::uint64_t values = 0;  ///< values inside, for the element budget
};

/// Reads the payload of an opaque value, from the network as well. Cost: its tokens.
OpaqueParts read_opaque(std::string_view payload);

/// Appends a valid opaque in normal form.
void append_opaque(const OpaqueParts& parts, std::string& out);

}  // namespace agora
