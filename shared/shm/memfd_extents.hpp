// Extents of shared memory: one sealed memfd each, so that programs on this host can map them.
//
// Without names, so nothing can leak or collide: memory is gone with its last descriptor and
// mapping. Reserved in whole when made, so a full machine is an error here and not a SIGBUS later.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "shared/base/extent_source.hpp"

namespace agora {

/// One extent: mapped read-write here, its size sealed. Empty if it could not be made.
class MemfdExtent {
 public:
  /// What whoever gets the descriptor can do: map it for reading only, or for writing too.
  enum class Access { read, write };

  /// Any thread. Cost: the kernel makes and zeroes every page now, about 1 ms for 8 MiB. `between`
  /// is called after each 2 MiB of that, so that who is in no hurry can make way for others.
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

  /// Close-on-exec; closed with this.
  int descriptor() const { return descriptor_; }
  std::span<std::byte> bytes() const { return bytes_; }

 private:
  int descriptor_ = -1;
  std::span<std::byte> bytes_;
};

/// A source of such extents, for reading.
class MemfdExtents final : public ExtentSource {
 public:
  std::span<std::byte> allocate(std::size_t bytes) override {
    MemfdExtent made = MemfdExtent::make(bytes, MemfdExtent::Access::read);
    if (made.bytes().empty()) return {};
    extents_.push_back(std::move(made));
    return extents_.back().bytes();
  }

  /// All extents in the order in which they were made.
  std::span<const MemfdExtent> extents() const { return extents_; }

 private:
  std::vector<MemfdExtent> extents_;
};

}  // namespace agora
