// Extents of shared memory: one sealed memfd each, so that clients on this host can map them.
//
// Without names, so nothing can leak or collide: memory is gone with its last descriptor and
// mapping. Reserved in whole when made, so a full machine is an error here and not a SIGBUS later.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "shared/base/extent_source.hpp"

namespace agora {

class MemfdExtents final : public ExtentSource {
 public:
  /// One extent: mapped read-write here, its size sealed.
  struct Extent {
    int descriptor;  ///< close-on-exec; owned by this source
    std::span<std::byte> bytes;
  };

  MemfdExtents() = default;
  ~MemfdExtents() override;

  /// Cost: the kernel makes and zeroes every page now, about 1 ms for 8 MiB.
  std::span<std::byte> allocate(std::size_t bytes) override;

  /// All extents in the order in which they were made, to hand their descriptors on. Before a
  /// descriptor leaves the process F_SEAL_FUTURE_WRITE must be added where clients only read.
  std::span<const Extent> extents() const { return extents_; }

 private:
  std::vector<Extent> extents_;
};

}  // namespace agora
