// SPDX-License-Identifier: MIT

// Extended JSON: the tagged objects that encode the kinds of value that JSON lacks, as in MongoDB
// (docs/protocol/json-rpc.md). The only key of such an object is its tag:
//
//   {"$bytes":"<base64>"}  {"$ref":"name"}  {"$map":[[k,v],...]}  {"$float":"nan"|"inf"|"-inf"}
//   {"$opaque":["<base64>",[references]]}
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "shared/base/expected.hpp"

namespace agora {

enum class JsonTag : std::uint8_t { none, bytes, reference, map, real, opaque };

/// Returns the tag that `key` is; `none` if it is an ordinary key.
JsonTag json_tag_of(std::string_view key);

/// Extension types that mark values which the JSON reader could not represent. They occur only in
/// loose form (see JsonReader) and never leave this layer.
enum LooseMark : std::int8_t {
  kMarkNumberRange = 100,  ///< a number outside int64, uint64 or float64
  kMarkTooDeep = 101,      ///< a list or map nested deeper than any value may be
};

/// Appends the value `loose` to `out` with every tagged object decoded. The output is valid
/// MessagePack; the caller normalizes it. A map is a tagged object if a tag is its only key.
/// @param plain_top  the outermost map holds named parameters: its keys are not tags
/// @error value_error  a malformed tagged object, or kMarkNumberRange
/// @error too_large    kMarkTooDeep
/// After an error `out` has an incomplete value at its end. Linear, iterative.
Expected<void> decode_extended_json(std::string_view loose, bool plain_top, std::string& out);

}  // namespace agora
