#include "shared/value/references.hpp"

#include "shared/value/normalize.hpp"

namespace agora {

bool finds_references(PackedView value) {
  bool found = false;
  each_reference(value, [&found](std::string_view) { found = true; });
  return found;
}

}  // namespace agora
