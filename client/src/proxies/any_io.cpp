// SPDX-License-Identifier: MIT

#include <ostream>

#include <agora/any_io.hpp>
#include <agora/detail/methods.hpp>
#include <agora/proxy.hpp>

#include "shared/wire/json_write.hpp"

namespace agora {

std::string to_json_text(PackedView value) {
  std::string text;
  packed_to_json(value, text);
  return text;
}

std::ostream& operator<<(std::ostream& out, const any& value) {
  return out << to_json_text(value.packed());
}

std::string proxy::to_text() const {
  auto content = make(detail::methods::object_value);
  if (!content) throw_error(std::move(content.error()));
  return to_json_text(*content);
}

std::ostream& operator<<(std::ostream& out, const proxy& object) { return out << object.to_text(); }

}  // namespace agora
