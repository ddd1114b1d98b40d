// SPDX-License-Identifier: MIT

#include <algorithm>
#include <iterator>

#include <agora/detail/methods.hpp>

namespace agora::detail {

Method find_method(std::string_view name) {
  const auto* const found = std::ranges::lower_bound(methods::kAll, name, {}, &Method::name);
  if (found != std::end(methods::kAll) && (*found)->name == name) return **found;
  return {name};
}

}  // namespace agora::detail
