// SPDX-License-Identifier: MIT

// The anonymous objects to which a value refers. The server grants this session a hold on each.
#pragma once

#include <string>
#include <vector>

#include "shared/value/references.hpp"

namespace agora::detail {

/// Returns their names, each as often as the value refers to it. Cost: one search for the character
/// #, for most values that refer to none.
inline std::vector<std::string> anonymous_names(PackedView value) {
  std::vector<std::string> names;
  if (value.bytes().find('#') == std::string_view::npos) return names;
  each_reference(value, [&names](std::string_view name) {
    if (name.starts_with('#')) names.emplace_back(name);
  });
  return names;
}

}  // namespace agora::detail
