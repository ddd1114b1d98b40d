// SPDX-License-Identifier: MIT

// Finds the program agorad.
#pragma once

#include <string>

#include "shared/base/expected.hpp"

namespace agora::detail {

/// Returns the path of agorad. If AGORA_SERVER is set, only that path counts. Otherwise searches
/// beside the running program and library, in the installation, and in the folders of PATH.
/// @error unavailable  not found; the message lists the folders that were searched.
Expected<std::string> find_server_binary();

}  // namespace agora::detail
