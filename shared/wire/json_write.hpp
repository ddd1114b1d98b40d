// SPDX-License-Identifier: MIT

// packed_to_json(): converts values to JSON text, on one line.
#pragma once

#include <string>
#include <string_view>

#include "shared/value/packed.hpp"

namespace agora {

/// Appends `value` as compact JSON: no blanks, no line breaks, UTF-8 unescaped. Floats have the
/// shortest representation that round-trips (`2.0`, `1e+300`). Kinds that JSON lacks are tagged
/// objects of extended JSON (see extended_json.hpp). A map whose keys are not all text, or whose
/// only key is a tag, is written as `$map`. Linear, iterative. From the first malformed or absent
/// value on writes null.
void packed_to_json(PackedView value, std::string& out);

/// Appends `utf8` as a JSON string with its quotes.
void text_to_json(std::string_view utf8, std::string& out);

}  // namespace agora
