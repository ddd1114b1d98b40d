// From values to JSON text, on one line.
#pragma once

#include <string>
#include <string_view>

#include "shared/value/packed.hpp"

namespace agora {

/// Appends `value` as compact JSON: no blanks, no line break anywhere, UTF-8 left as it is, floats
/// with the fewest digits that read back as the same float (`2.0`, `1e+300`), what JSON lacks as
/// `$` words (see json_words.hpp). A map whose keys are not all text, or whose only key is one of
/// the words, is written as `$map`. Linear, iterative; an absent value or one that is no
/// MessagePack is written as null from there on.
void packed_to_json(PackedView value, std::string& out);

/// Appends `utf8` as a JSON string with its quotes.
void text_to_json(std::string_view utf8, std::string& out);

}  // namespace agora
