#include "server/shm/shared_memory.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

namespace agora {
namespace {

constexpr std::size_t page_bytes = std::size_t{1} << 20;
/// Smaller extents are made when they are needed: that is soon done.
constexpr std::size_t ahead_bytes_min = 4 * page_bytes;
/// The arena's own greatest (server/core/arena.hpp).
constexpr std::size_t ahead_bytes_max = 64 * page_bytes;

MemfdExtent::Access access(bool writable) {
  return writable ? MemfdExtent::Access::write : MemfdExtent::Access::read;
}

}  // namespace

SharedMemory::Space::~Space() {
  if (next_.valid()) next_.wait();
}

std::span<std::byte> SharedMemory::Space::allocate(std::size_t bytes) {
  MemfdExtent extent = take(bytes);
  const auto pages = static_cast<std::uint32_t>(bytes / page_bytes);
  std::span<std::byte> memory = extent.bytes();
  if (memory.empty()) {
    memory = heap_.allocate(bytes);
    if (memory.empty()) return {};
  } else {
    all_.extents_.push_back({writable_, pages_, pages});
    all_.descriptors_.push_back(extent.descriptor());
    mapped_.push_back(std::move(extent));
    prepare(std::min(bytes * 2, ahead_bytes_max));
  }
  pages_ += pages;
  return memory;
}

MemfdExtent SharedMemory::Space::take(std::size_t bytes) {
  if (next_.valid() && std::exchange(next_bytes_, 0) == bytes) return next_.get();
  return MemfdExtent::make(bytes, access(writable_));
}

/// Without a thread for it the next one is made when it is needed.
void SharedMemory::Space::prepare(std::size_t bytes) {
  if (bytes < ahead_bytes_min) return;
  try {
    next_ = std::async(std::launch::async, [bytes, writable = writable_] {
      return MemfdExtent::make(bytes, access(writable));
    });
    next_bytes_ = bytes;
  } catch (const std::system_error&) {
    next_bytes_ = 0;
  }
}

}  // namespace agora
