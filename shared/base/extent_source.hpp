// SPDX-License-Identifier: MIT

// ExtentSource: the port through which an arena gets memory, in large extents that never move.
//
// The port keeps the core free of system calls. The heap implements it by default; sealed memfds
// (shared/shm) implement it where clients on the same host map the server's memory.
#pragma once

#include <cstddef>
#include <cstdint>
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

  /// Does the same for an extent that the caller places at that page of its space, in pages of
  /// 1 MiB. A source whose extents clients map tells them the place.
  virtual std::span<std::byte> allocate_at(std::uint32_t first_page, std::size_t bytes) {
    static_cast<void>(first_page);
    return allocate(bytes);
  }

  /// Frees one extent, whole as `allocate` returned it: no pointer into it may be used afterwards.
  /// @return false if the source cannot free single extents; then nothing changed.
  virtual bool release(std::span<std::byte> extent) {
    static_cast<void>(extent);
    return false;
  }

  /// Gives the memory of unused bytes within an extent back to the system. Their content is lost:
  /// they read as their former content or as zero. renew() must be called before they are used.
  /// @return how many bytes were given back: whole pages within `unused`; 0 if the source cannot.
  virtual std::size_t discard(std::span<std::byte> unused) {
    static_cast<void>(unused);
    return 0;
  }

  /// Takes the memory of discarded bytes from the system again. Bytes that were not discarded keep
  /// their content.
  /// @return false if there is no memory; then the bytes must not be used.
  virtual bool renew(std::span<std::byte> bytes) {
    static_cast<void>(bytes);
    return true;
  }

  /// Returns the memory beyond the extents that callers have: extents made ahead of a request.
  virtual std::size_t bytes_ahead() const { return 0; }
};

}  // namespace agora
