// SPDX-License-Identifier: MIT

// Reads the members of the map in which the server describes an object's state.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include <agora/detail/handle.hpp>

#include "shared/value/any.hpp"

namespace agora::detail {

using Members = std::map<std::string, any>;

/// Returns the member of that name, or T() if it is missing or no T.
template <typename T>
T member(const Members& members, std::string_view name) {
  const auto found = members.find(std::string(name));
  return found == members.end() ? T() : found->second.if_is<T>().value_or(T());
}

}  // namespace agora::detail
