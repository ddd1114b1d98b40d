// How a method is written: its parameters with the object's name in place, and their defaults.
#pragma once

#include <string>
#include <vector>

#include "server/core/methods/command.hpp"
#include "server/core/methods/method.hpp"

namespace agora {

/// How many parameters a caller may give, the object's name included.
inline std::size_t parameter_count(const MethodRef& ref) {
  return ref.method->parameters.size() + (ref.on_object ? 1 : 0);
}
/// The parameter at that place, the object's name included.
inline const Parameter& parameter_at(const MethodRef& ref, std::size_t place) {
  if (!ref.on_object) return ref.method->parameters[place];
  return place == 0 ? kNameOf : ref.method->parameters[place - 1];
}

/// The default as JSON text: "null", "10", "true", "\"\""; empty if required or simply absent.
std::string default_text_of(const Parameter& parameter);

/// "dict.get(name, key)", "queue.get(name, timeout=null)", "dict.pop(name, key, [default])".
std::string signature(const MethodRef& ref);

}  // namespace agora
