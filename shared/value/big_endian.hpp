// SPDX-License-Identifier: MIT

// Numbers in network byte order (big-endian), as in MessagePack.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>

namespace agora {

/// Returns the number in the first sizeof(T) bytes at `from`, which must be readable.
template <std::unsigned_integral T>
T load_big_endian(const char* from) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    number = (number << 8) | static_cast<std::uint8_t>(from[i]);
  }
  return static_cast<T>(number);
}

/// Appends `tag` and then the sizeof(T) bytes of `number`.
template <std::unsigned_integral T>
void append_big_endian(std::string& out, std::uint8_t tag, T number) {
  char encoded[1 + sizeof(T)];
  encoded[0] = static_cast<char>(tag);
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    encoded[sizeof(T) - i] = static_cast<char>(static_cast<std::uint64_t>(number) >> (8 * i));
  }
  out.append(encoded, sizeof encoded);
}

}  // namespace agora
