#include "server/core/signature.hpp"

#include "server/core/catalogue.hpp"

namespace agora {

std::size_t parameter_count(const MethodRef& ref) {
  return ref.method->parameters.size() + (ref.on_object ? 1 : 0);
}

const Parameter& parameter_at(const MethodRef& ref, std::size_t place) {
  if (!ref.on_object) return ref.method->parameters[place];
  return place == 0 ? kNameOf : ref.method->parameters[place - 1];
}

std::string default_text_of(const Parameter& parameter) {
  const Default& fallback = parameter.fallback;
  switch (fallback.is) {
    case Default::Is::required:
    case Default::Is::required_or_null:
    case Default::Is::absent:
      return {};
    case Default::Is::null:
      return "null";
    case Default::Is::integer:
      return std::to_string(fallback.integer);
    case Default::Is::boolean:
      return fallback.integer != 0 ? "true" : "false";
    case Default::Is::text:
      return "\"" + std::string{fallback.text} + "\"";
  }
  return {};
}

std::string signature(const MethodRef& ref) {
  std::string text = full_name(ref) + "(";
  for (std::size_t i = 0; i < parameter_count(ref); ++i) {
    const Parameter& parameter = parameter_at(ref, i);
    if (i > 0) text += ", ";
    const std::string fallback = default_text_of(parameter);
    if (parameter.fallback.is == Default::Is::absent) {
      text += "[" + std::string{parameter.name} + "]";
    } else {
      text += parameter.name;
      if (!fallback.empty()) text += "=" + fallback;
    }
  }
  return text + ")";
}

}  // namespace agora
