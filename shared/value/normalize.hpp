// SPDX-License-Identifier: MIT

// normalize(): validates MessagePack from the network and converts it to normal form, within
// bounds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "shared/base/expected.hpp"
#include "shared/base/limits.hpp"
#include "shared/value/packed.hpp"

namespace agora {

/// The remaining budget of a message, shared by all its values.
struct Budget {
  std::uint32_t elements;
  std::uint32_t depth_max;
  explicit Budget(const Limits& limits)
      : elements(limits.elements_max), depth_max(limits.depth_max) {}
};

/// Appends the first value of `bytes` to `out` in normal form.
///
/// Iterative: its stack is bounded by the depth limit, its memory by the bytes present rather than
/// by the counts that headers announce.
/// @return the number of bytes of `bytes` that the value took.
/// @error parse_error     truncated, or the byte 0xc1 (the framing is lost).
/// @error too_large       the depth or element budget is exhausted; the detail `limit` is
///                        "depth_max" or "elements_max". The header of a list or map is charged
///                        for all its elements.
/// @error value_error     unknown extension, bad UTF-8 in text or name, duplicate map key,
///                        malformed opaque.
/// @error type_error      a map (or opaque) as the key of a map.
/// After an error `out` is unchanged.
Expected<std::size_t> normalize(std::string_view bytes, std::string& out, Budget& budget);

}  // namespace agora
