// SPDX-License-Identifier: MIT

// The version of the product, defined by the build system.
#pragma once

#include <string_view>

namespace agora {

inline constexpr std::string_view kVersion = AGORA_VERSION;

}  // namespace agora
