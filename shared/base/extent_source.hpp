// ExtentSource: where an arena gets its memory from, in large pieces that never move.
//
// The port that keeps the core free of system calls: the heap stands behind it by default, sealed
// memfds (shared/shm) where clients on the same host are to read along.
#pragma once

#include <cstddef>
#include <span>

namespace agora {

class ExtentSource {
 public:
  ExtentSource() = default;
  ExtentSource(const ExtentSource&) = delete;
  ExtentSource& operator=(const ExtentSource&) = delete;
  /// Gives all extents back; nothing may point into them any more.
  virtual ~ExtentSource() = default;

  /// A new extent of exactly `bytes` (a multiple of 1 MiB): zeroed, aligned to 64 bytes, at the
  /// same address until the source is destroyed. Empty if there is no memory; never throws.
  virtual std::span<std::byte> allocate(std::size_t bytes) = 0;
};

}  // namespace agora
