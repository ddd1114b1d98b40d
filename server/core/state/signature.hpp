// SPDX-License-Identifier: MIT

// The signature of a method: its parameters, the object's name included, and their defaults.
#pragma once

#include <string>
#include <vector>

#include "server/core/methods/command.hpp"
#include "server/core/methods/method.hpp"

namespace agora {

/// Returns the number of parameters, the object's name included.
inline std::size_t parameter_count(const MethodRef& ref) {
  return ref.method->parameters.size() + (ref.on_object ? 1 : 0);
}
/// Returns the parameter at that index, the object's name included.
inline const Parameter& parameter_at(const MethodRef& ref, std::size_t index) {
  if (!ref.on_object) return ref.method->parameters[index];
  return index == 0 ? kNameOf : ref.method->parameters[index - 1];
}

/// Returns the default as JSON text: "null", "10", "true", "\"\""; empty if there is none.
std::string default_text_of(const Parameter& parameter);

/// Returns "dict.get(name, key)", "queue.get(name, timeout=null)", "dict.pop(name, key,
/// [default])".
std::string signature(const MethodRef& ref);

}  // namespace agora
