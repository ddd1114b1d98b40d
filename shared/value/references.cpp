// SPDX-License-Identifier: MIT

#include "shared/value/references.hpp"

namespace agora {

bool contains_reference(PackedView value) {
  bool found = false;
  each_reference(value, [&found](std::string_view) { found = true; });
  return found;
}

}  // namespace agora
