// SPDX-License-Identifier: MIT

// describe(): values in error messages, short enough for one line, exact enough to find the
// mistake.
#pragma once

#include <string>

#include "shared/value/packed.hpp"

namespace agora {

/// Returns the kind of `value`, and the value itself if it is a scalar that fits in a line:
/// `int 5`, `float 2.0`, `text "x"`, `reference "jobs"`; otherwise only the kind: `null`, `bytes`,
/// `list`, `map`, `opaque`. Text is truncated after 40 bytes, at a character boundary, and then
/// ends in `...`; control characters appear as `\u000a`. An absent or malformed value is `nothing`.
std::string describe(PackedView value);

}  // namespace agora
