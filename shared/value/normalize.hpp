// From any valid MessagePack to normal form, within bounds: the gate for bytes from the network.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "shared/base/expected.hpp"
#include "shared/base/limits.hpp"
#include "shared/value/packed.hpp"

namespace agora {

/// What is left of a message's budget; shared by all values of one message.
struct Budget {
  std::uint32_t elements;
  std::uint32_t depth_max;
  explicit Budget(const Limits& limits)
      : elements(limits.elements_max), depth_max(limits.depth_max) {}
};

/// Appends the first value of `bytes` to `out` in normal form.
///
/// Iterative: its stack is bounded by the depth limit, its memory by what is really there.
/// @return how many bytes of `bytes` the value took.
/// @error parse_error     truncated, or the byte 0xc1 (the framing is lost).
/// @error too_large       depth or element budget is used up (`limit` in the details: the name
///                        "depth_max" or "elements_max" as text). A list or map spends all
///                        its elements when its header is read.
/// @error value_error     unknown extension, bad UTF-8 in text or name, duplicate map key,
///                        malformed opaque.
/// @error type_error      a map (or opaque) as the key of a map.
/// After an error `out` is as before.
Expected<std::size_t> normalize(std::string_view bytes, std::string& out, Budget& budget);

/// True if `text` is well-formed UTF-8 (no overlong forms, no surrogates).
bool is_utf8(std::string_view text);

bool finds_references(PackedView value);
/// True if the value is, or contains, a reference (opaque side tables included).
inline bool has_references(PackedView value) {
  return value.present() && !value.is_plain() && finds_references(value);
}

/// Calls `visit(name)` for every reference in the value, side tables of opaque values included.
template <typename Visit>
void each_reference(PackedView value, Visit&& visit);

}  // namespace agora

#include "shared/value/references.hpp"  // the template's body
