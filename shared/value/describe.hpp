// Values in messages: short enough for one line, exact enough to find the mistake.
#pragma once

#include <string>

#include "shared/value/packed.hpp"

namespace agora {

/// The kind of `value`, and the value itself where it is a scalar that fits in a line: `int 5`,
/// `float 2.0`, `text "x"`, `reference "jobs"`; else only the kind: `null`, `bytes`, `list`, `map`,
/// `opaque`. Text is cut after 40 bytes, at the end of a character, and marked with `...`;
/// control characters appear as `\u000a`. An absent or broken value is `nothing`.
std::string describe(PackedView value);

}  // namespace agora
