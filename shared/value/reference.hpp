// A reference: a value that names an object, so that objects can contain objects.
#pragma once

#include <compare>
#include <functional>
#include <string>

namespace agora {

/// The name of an object, as a value of its own kind: not equal to the same text.
struct reference {
  std::string name;  ///< UTF-8, at most Limits::name_bytes_max bytes
  auto operator<=>(const reference&) const = default;
};

}  // namespace agora

template <>
struct std::hash<agora::reference> {
  std::size_t operator()(const agora::reference& value) const noexcept {
    return std::hash<std::string>{}(value.name);
  }
};
