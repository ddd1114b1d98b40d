// SPDX-License-Identifier: MIT

// Extents of shared memory: one sealed memfd each, which programs on this host can map.
//
// A memfd has no name, so nothing can leak or collide: the kernel frees the memory with its last
// descriptor and mapping. The whole extent is reserved when it is made, so a machine without free
// memory gives an error here instead of a SIGBUS later.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "shared/base/extent_source.hpp"

namespace agora {

/// One extent, mapped read-write in this process, its size sealed. Empty if it could not be made.
class MemfdExtent {
 public:
  /// The access of a process that receives the descriptor: map it read-only, or read-write.
  enum class Access { read, write };

  /// Makes an extent. Any thread. Cost: the kernel allocates and zeroes every page now, about 1 ms
  /// for 8 MiB. Calls `between` after each 2 MiB, so that a background thread can yield.
  static MemfdExtent make(std::size_t bytes, Access access,
                          const std::function<void()>& between = {});

  MemfdExtent() = default;
  MemfdExtent(MemfdExtent&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)),
        bytes_(std::exchange(other.bytes_, {})) {}
  MemfdExtent& operator=(MemfdExtent&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~MemfdExtent();

  /// Gives the memory of unused bytes back to the system, and takes it again; see ExtentSource.
  /// Only for Access::write: the seal of the other kind keeps the server itself from it.
  std::size_t discard(std::span<std::byte> unused);
  bool renew(std::span<std::byte> bytes);

  /// Returns the descriptor: close-on-exec, closed by the destructor.
  int descriptor() const { return descriptor_; }
  std::span<std::byte> bytes() const { return bytes_; }

 private:
  int descriptor_ = -1;
  std::span<std::byte> bytes_;
};

/// An ExtentSource whose extents clients may map read-only.
class MemfdExtents final : public ExtentSource {
 public:
  std::span<std::byte> allocate(std::size_t bytes) override {
    MemfdExtent made = MemfdExtent::make(bytes, MemfdExtent::Access::read);
    if (made.bytes().empty()) return {};
    extents_.push_back(std::move(made));
    return extents_.back().bytes();
  }

  /// Returns all extents in the order in which they were made.
  std::span<const MemfdExtent> extents() const { return extents_; }

 private:
  std::vector<MemfdExtent> extents_;
};

}  // namespace agora
