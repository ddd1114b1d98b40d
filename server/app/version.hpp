// The version of the product; the build system hands it in.
#pragma once

#include <string_view>

namespace agora {

inline constexpr std::string_view kVersion = AGORA_VERSION;

}  // namespace agora
