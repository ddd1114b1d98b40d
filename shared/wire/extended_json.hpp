// The `$` words: how JSON spells the kinds of value that it lacks (design: the wire, "Text").
//
//   {"$bytes":"<base64>"}  {"$ref":"name"}  {"$map":[[k,v],...]}  {"$float":"nan"|"inf"|"-inf"}
//   {"$opaque":["<base64>",[references]]}
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "shared/base/expected.hpp"

namespace agora {

enum class JsonWord : std::uint8_t { none, bytes, reference, map, real, opaque };

/// The word that `key` is; `none` if it is an ordinary key.
JsonWord json_word_of(std::string_view key);

/// Extension types that stand for what the JSON reader could not take. They occur only in loose
/// form (see JsonReader) and never leave this floor.
enum LooseMark : std::int8_t {
  kMarkNumberRange = 100,  ///< a number outside int64, uint64 or float64
  kMarkTooDeep = 101,      ///< a list or map nested beyond any depth that a value may have
};

/// Appends the value `loose` to `out` with every word decoded: any valid MessagePack, normal form
/// comes later. A map is a word if the word is its only key.
/// @param plain_top  the outermost map is a map of names, its keys are no words
/// @error value_error  a badly formed word, or kMarkNumberRange
/// @error too_large    kMarkTooDeep
/// After an error `out` holds rubbish at its end. Linear, iterative.
Expected<void> decode_json_words(std::string_view loose, bool plain_top, std::string& out);

}  // namespace agora
