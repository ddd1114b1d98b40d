// SPDX-License-Identifier: MIT

// Catalogue: looks up methods by full name ("dict.get") and types by name.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "server/core/methods/command.hpp"
#include "server/core/state/object.hpp"
#include "shared/base/name_cache.hpp"

namespace agora {

class Catalogue {
 public:
  /// @param types  must outlive the catalogue; their tables are static
  explicit Catalogue(std::vector<const ObjectType*> types);

  /// Returns the method with that full name ("dict.get", "ping"); null if there is none. O(1).
  const MethodRef* find(std::string_view full_name) const;
  /// Returns the type with that name; null if there is none.
  const ObjectType* type(std::string_view name) const;

  /// Returns the full name of the method that was called `former` in version 0.1, or "".
  std::string_view renamed(std::string_view former) const;

  std::span<const ObjectType* const> types() const { return types_; }
  /// Returns all full names, in the order of the tables.
  std::span<const std::string_view> names() const { return views_; }

 private:
  std::vector<const ObjectType*> types_;
  std::vector<std::string> names_;
  std::vector<std::string_view> views_;  // of names_
  std::unordered_map<std::string_view, MethodRef> methods_;
  mutable NameCache<const MethodRef> name_cache_;  // of methods_
};

/// Returns "dict.get", or "ping" for a method of the server-wide type, which has no name.
std::string full_name(const MethodRef& ref);

}  // namespace agora
