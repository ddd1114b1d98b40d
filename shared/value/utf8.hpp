// SPDX-License-Identifier: MIT

// is_utf8(): validates UTF-8.
#pragma once

#include <string_view>

namespace agora {

/// Returns true if `text` is well-formed UTF-8 (no overlong forms, no surrogates).
bool is_utf8(std::string_view text);

}  // namespace agora
