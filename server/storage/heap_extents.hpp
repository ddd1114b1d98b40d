// Extents from the heap of this process: the default below every arena.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <span>
#include <vector>

#include "shared/base/extent_source.hpp"

namespace agora {

/// Pages that nobody touches cost no memory: large zeroed blocks come straight from the system.
class HeapExtents final : public ExtentSource {
 public:
  /// @param bytes_max  refuses what would exceed this sum; 0: no bound.
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
