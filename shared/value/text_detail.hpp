// SPDX-License-Identifier: MIT

// text_detail: a detail of an error, such as {object: "jobs"}.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "shared/base/error.hpp"
#include "shared/value/msgpack_writer.hpp"

namespace agora {

/// Returns one member of an error's `data`: a name and a text.
inline Detail text_detail(std::string name, std::string_view text) {
  std::string packed;
  Writer{packed}.text(text);
  return {std::move(name), std::move(packed)};
}

}  // namespace agora
