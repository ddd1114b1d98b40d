// SPDX-License-Identifier: MIT

#include "server/shm/private_extents.hpp"

#include <algorithm>
#include <sys/mman.h>

#include "shared/shm/whole_pages.hpp"

namespace agora {

PrivateExtents::~PrivateExtents() {
  for (const std::span<std::byte> extent : extents_) ::munmap(extent.data(), extent.size());
}

std::span<std::byte> PrivateExtents::allocate(std::size_t bytes) {
  if (bytes_max_ != 0 && bytes > bytes_max_ - std::min(bytes_, bytes_max_)) return {};
  // Not malloc: once it has seen some blocks of a size freed, it keeps further ones for itself.
  void* const base =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) return {};
  bytes_ += bytes;
  return extents_.emplace_back(static_cast<std::byte*>(base), bytes);
}

bool PrivateExtents::release(std::span<std::byte> extent) {
  const auto found = std::find_if(extents_.begin(), extents_.end(), [&](std::span<std::byte> each) {
    return each.data() == extent.data();
  });
  if (found == extents_.end()) return false;
  ::munmap(extent.data(), extent.size());
  bytes_ -= extent.size();
  extents_.erase(found);
  return true;
}

std::size_t PrivateExtents::discard(std::span<std::byte> unused) {
  const std::span<std::byte> pages = whole_pages(unused);
  if (pages.empty() || ::madvise(pages.data(), pages.size(), MADV_DONTNEED) != 0) return 0;
  return pages.size();
}

}  // namespace agora
