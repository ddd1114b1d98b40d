// The short way for the calls that programs make most: `[0, msgid, "dict.get", ["d", "k"]]` whose
// parameters are scalars, complete in the buffer and in normal form already.
//
// One pass finds the end of the message, its id, its method and its parameters where they lie;
// nothing is copied. Whatever is unusual is not judged here: the framer and the decoder are.
// Measured: half of what a call costs between two system calls (`agora_bench dialogue`).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "shared/value/packed.hpp"

namespace agora {

struct SimpleCall {
  std::size_t frame_bytes = 0;
  std::uint32_t id = 0;
  std::string_view method;
  std::array<PackedView, 6> values;
  std::size_t count = 0;

  std::span<const PackedView> params() const { return {values.data(), count}; }
};

/// Reads the message at the front of `buffer`. The views point into it. The last `ascii_bytes` of
/// it are known to be ASCII, and not looked at again.
/// @return false for anything but a whole call as described above; then nothing is said about it.
bool read_simple_call(std::string_view buffer, SimpleCall& call, std::size_t ascii_bytes = 0);

}  // namespace agora
