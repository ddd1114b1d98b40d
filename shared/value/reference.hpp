// SPDX-License-Identifier: MIT

// reference: a value that names an object, so that objects can contain objects.
#pragma once

#include <compare>
#include <functional>
#include <string>

#include "shared/value/hold_ref.hpp"

namespace agora {

/// The name of an object, as a kind of its own: not equal to the text with the same characters.
struct reference {
  std::string name;  ///< UTF-8, at most Limits::name_bytes_max bytes
  /// Keeps an anonymous object alive, in a reference received from a server. Ignored by equality.
  HoldRef keep = {};

  friend bool operator==(const reference& a, const reference& b) { return a.name == b.name; }
  friend auto operator<=>(const reference& a, const reference& b) { return a.name <=> b.name; }
};

}  // namespace agora

template <>
struct std::hash<agora::reference> {
  std::size_t operator()(const agora::reference& value) const noexcept {
    return std::hash<std::string>{}(value.name);
  }
};
