// SPDX-License-Identifier: MIT

// Plugins: user types in a shared library, for `agorad --plugin libx.so`.
#pragma once

#include <string>

#include "server/objects/user/user_type.hpp"

namespace agora {

/// Loads a plugin (see AGORA_PLUGIN) and appends its types to `types`. The plugin stays loaded
/// until the process ends.
/// @throws std::runtime_error  no such file, one that other users could replace, no plugin, a
/// plugin
///   built for another interface, one whose description of its types threw, or one without types.
///   `types` is then unchanged.
void load_plugin(const std::string& path, user_types_list& types);

}  // namespace agora
