// Which anonymous objects a value refers to: for each the server gives this session a hold.
#pragma once

#include <string>
#include <vector>

#include "shared/value/references.hpp"

namespace agora::detail {

/// Their names, each as often as it is there. Cost: a search for the letter # in most values that
/// have none.
inline std::vector<std::string> anonymous_names(PackedView value) {
  std::vector<std::string> names;
  if (value.bytes().find('#') == std::string_view::npos) return names;
  each_reference(value, [&names](std::string_view name) {
    if (name.starts_with('#')) names.emplace_back(name);
  });
  return names;
}

}  // namespace agora::detail
