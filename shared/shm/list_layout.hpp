// SPDX-License-Identifier: MIT

// The layout of a list in the server's memory, shared by the server that writes it and the clients
// that read it.
//
// A directory holds the handles of chunks, and a chunk holds the handles of elements. The slots of
// all chunks are numbered in the order of the directory, and element 0 is in slot `begin`. (Slots
// of the directory before that chunk are unused.) The cell's `shape` holds the directory and
// `begin`; its `size` is the number of elements. Each element is a block of its own: a header and
// its value.
#pragma once

#include <cstddef>
#include <cstdint>

namespace agora::shm {

/// Handles per chunk.
inline constexpr std::size_t kChunkSlots = 128;

/// Cell::shape of a list, unpacked.
struct ListShape {
  std::uint32_t directory = 0;
  std::uint32_t begin = 0;

  static ListShape of(std::uint64_t word) {
    return {static_cast<std::uint32_t>(word >> 32), static_cast<std::uint32_t>(word)};
  }
  std::uint64_t word() const { return std::uint64_t{directory} << 32 | begin; }
};

/// The header of a value that is a block of its own; the bytes of the value follow.
struct ValueHeader {
  std::uint32_t length;  ///< bytes behind this header, and the flag `kRefers`
  /// Reference count: one for the owner until it drops the value, and one for each pin.
  std::uint32_t holds;

  static constexpr std::uint32_t kRefers = std::uint32_t{1} << 31;
};
static_assert(sizeof(ValueHeader) == 8);

}  // namespace agora::shm
