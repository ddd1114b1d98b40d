// SPDX-License-Identifier: MIT

// ExtentSource: the port through which an arena gets memory, in large extents that never move.
//
// The port keeps the core free of system calls. The heap implements it by default; sealed memfds
// (shared/shm) implement it where clients on the same host map the server's memory.
#pragma once

#include <cstddef>
#include <span>

namespace agora {

class ExtentSource {
 public:
  ExtentSource() = default;
  ExtentSource(const ExtentSource&) = delete;
  ExtentSource& operator=(const ExtentSource&) = delete;
  /// Frees all extents; no pointer into them may be used afterwards.
  virtual ~ExtentSource() = default;

  /// Returns a new extent of exactly `bytes` (a multiple of 1 MiB): zeroed, aligned to 64 bytes, at
  /// the same address until the source is destroyed. Returns an empty span if there is no memory;
  /// never throws.
  virtual std::span<std::byte> allocate(std::size_t bytes) = 0;
};

}  // namespace agora
