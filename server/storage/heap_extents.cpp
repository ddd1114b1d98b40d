// SPDX-License-Identifier: MIT

#include "server/storage/heap_extents.hpp"

namespace agora {

std::span<std::byte> HeapExtents::allocate(std::size_t bytes) {
  constexpr std::size_t kAlignment = 64;
  if (bytes_max_ != 0 && bytes > bytes_max_ - bytes_) return {};

  // calloc knows that fresh pages are zero already; memory from aligned_alloc would have to be
  // cleared, which touches every page.
  std::size_t space = bytes + kAlignment;
  std::unique_ptr<void, Free> block(std::calloc(1, space));
  if (block == nullptr) return {};
  void* base = block.get();
  std::align(kAlignment, bytes, base, space);

  blocks_.push_back(std::move(block));
  bytes_ += bytes;
  return {static_cast<std::byte*>(base), bytes};
}

}  // namespace agora
