// Where the program agorad is.
#pragma once

#include <string>

#include "shared/base/expected.hpp"

namespace agora::detail {

/// The path of agorad: what AGORA_SERVER says, and nothing else if it is set; else beside the
/// running program or library, in the installation, in the folders of PATH.
/// @error unavailable  not found; the message lists where it was sought.
Expected<std::string> find_server_binary();

}  // namespace agora::detail
