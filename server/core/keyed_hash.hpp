// The hash of keys: fast, and unpredictable for whoever does not know its key.
#pragma once

#include <cstdint>
#include <string_view>

namespace agora {

/// Two random words, an input of the core: drawn once for a server, recorded for replay.
struct HashKey {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
};

/// A hash of `bytes` of which every bit is usable. Each 16 bytes are folded in by one 64 x 64
/// multiplication with secret words on both sides, so colliding keys cannot be made without the
/// key. No cryptographic promise. The same on every machine of one byte order.
std::uint64_t keyed_hash(std::string_view bytes, HashKey key);

}  // namespace agora
