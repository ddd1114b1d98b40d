// SPDX-License-Identifier: MIT

#include "server/core/state/signature.hpp"

#include "server/core/state/catalogue.hpp"

namespace agora {

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
