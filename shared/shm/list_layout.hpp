// How the elements of a list lie in the server's memory, for the one who writes and those who read.
//
// Their handles stand in chunks, a directory names the chunks, and element 0 stands `begin` places
// behind the directory's first. The cell's `shape` says where that is, its `size` how many there
// are. An element is a block of its own: a header and its value.
#pragma once

#include <cstddef>
#include <cstdint>

namespace agora::shm {

/// Handles in a chunk.
inline constexpr std::size_t kChunkSlots = 128;

/// What Cell::shape says of a list.
struct ListShape {
  std::uint32_t directory = 0;
  std::uint32_t begin = 0;

  static ListShape of(std::uint64_t word) {
    return {static_cast<std::uint32_t>(word >> 32), static_cast<std::uint32_t>(word)};
  }
  std::uint64_t word() const { return std::uint64_t{directory} << 32 | begin; }
};

/// In front of the bytes of a value that rests on its own.
struct ValueHeader {
  std::uint32_t length;  ///< bytes behind this header, and `kRefers`
  std::uint32_t holds;   ///< the owner, until it drops the value, and every pin

  static constexpr std::uint32_t kRefers = std::uint32_t{1} << 31;
};
static_assert(sizeof(ValueHeader) == 8);

}  // namespace agora::shm
