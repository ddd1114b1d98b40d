// SPDX-License-Identifier: MIT

// PrivateExtents: extents of the server's own memory, which clients cannot map. It gives unused
// memory back to the system.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "shared/base/extent_source.hpp"

namespace agora {

/// Untouched pages cost no memory: the extents come straight from the kernel.
class PrivateExtents final : public ExtentSource {
 public:
  /// @param bytes_max  the bound on the total size, beyond which requests are refused; 0: no bound.
  explicit PrivateExtents(std::size_t bytes_max = 0) : bytes_max_(bytes_max) {}
  ~PrivateExtents() override;

  std::span<std::byte> allocate(std::size_t bytes) override;
  bool release(std::span<std::byte> extent) override;
  std::size_t discard(std::span<std::byte> unused) override;

 private:
  std::vector<std::span<std::byte>> extents_;
  std::size_t bytes_max_;
  std::size_t bytes_ = 0;
};

}  // namespace agora
