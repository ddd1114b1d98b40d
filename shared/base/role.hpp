// SPDX-License-Identifier: MIT

// Role: the rights of a client, in ascending order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace agora {

enum class Role : std::uint8_t {
  none,   ///< the client has to log in first
  read,   ///< reads objects
  write,  ///< all methods on objects
  admin,  ///< also ends sessions and the server
};

/// Returns "none", "read", "write" or "admin".
constexpr std::string_view to_string(Role role) {
  constexpr std::string_view kNames[] = {"none", "read", "write", "admin"};
  return kNames[static_cast<std::size_t>(role)];
}

/// Returns the role with that name, or nullopt if there is none. "none" names no role.
constexpr std::optional<Role> role_named(std::string_view name) {
  for (const Role role : {Role::read, Role::write, Role::admin}) {
    if (to_string(role) == name) return role;
  }
  return std::nullopt;
}

}  // namespace agora
