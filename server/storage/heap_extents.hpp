// SPDX-License-Identifier: MIT

// HeapExtents: extents from the heap of this process, the default source of every arena.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <span>
#include <vector>

#include "shared/base/extent_source.hpp"

namespace agora {

/// Untouched pages cost no memory: large zeroed blocks come straight from the kernel.
class HeapExtents final : public ExtentSource {
 public:
  /// @param bytes_max  the bound on the total size, beyond which requests are refused; 0: no bound.
  explicit HeapExtents(std::size_t bytes_max = 0) : bytes_max_(bytes_max) {}

  std::span<std::byte> allocate(std::size_t bytes) override;

 private:
  struct Free {
    void operator()(void* block) const { std::free(block); }
  };

  std::vector<std::unique_ptr<void, Free>> blocks_;
  std::size_t bytes_max_;
  std::size_t bytes_ = 0;
};

}  // namespace agora
