// SPDX-License-Identifier: MIT

#include "server/shm/shared_memory.hpp"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

namespace agora {
namespace {

constexpr std::size_t kPageBytes = std::size_t{1} << 20;
/// Smaller extents are made when they are needed, since that takes little time.
constexpr std::size_t kPreallocatedBytesMin = 4 * kPageBytes;
/// The largest extent of the arena (server/storage/arena.hpp).
constexpr std::size_t kPreallocatedBytesMax = 64 * kPageBytes;
/// The pause between the steps of a preallocation (MemfdExtent::make). On a busy CPU the thread
/// waits longer for its next time slice, so more and smaller steps would make the extent too late.
constexpr std::chrono::milliseconds kPause{1};

MemfdExtent::Access access(bool writable) {
  return writable ? MemfdExtent::Access::write : MemfdExtent::Access::read;
}

}  // namespace

SharedMemory::Space::Preallocation::Preallocation(std::size_t the_bytes, bool writable)
    : bytes(the_bytes), made(std::async(std::launch::async, [this, writable] {
        bool in_no_hurry = true;
        return MemfdExtent::make(bytes, access(writable), [&] {
          in_no_hurry = in_no_hurry && !hurry.try_acquire_for(kPause);
        });
      })) {}

SharedMemory::Space::Preallocation::~Preallocation() {
  if (made.valid()) take();
}

MemfdExtent SharedMemory::Space::Preallocation::take() {
  hurry.release();
  return made.get();
}

std::span<std::byte> SharedMemory::Space::allocate(std::size_t bytes) {
  MemfdExtent extent = take(bytes);
  const auto pages = static_cast<std::uint32_t>(bytes / kPageBytes);
  std::span<std::byte> memory = extent.bytes();
  if (memory.empty()) {
    memory = heap_.allocate(bytes);
    if (memory.empty()) return {};
  } else {
    all_.extents_.push_back({writable_, pages_, pages});
    all_.descriptors_.push_back(extent.descriptor());
    mapped_.push_back(std::move(extent));
    preallocate(std::min(bytes * 2, kPreallocatedBytesMax));
  }
  pages_ += pages;
  return memory;
}

MemfdExtent SharedMemory::Space::take(std::size_t bytes) {
  if (!next_ || next_->bytes != bytes) return MemfdExtent::make(bytes, access(writable_));
  MemfdExtent made = next_->take();
  next_.reset();
  return made;
}

/// Starts to make the next extent. If no thread can be started, it is made when it is needed.
void SharedMemory::Space::preallocate(std::size_t bytes) {
  if (bytes < kPreallocatedBytesMin || (next_ && next_->bytes == bytes)) return;
  try {
    next_ = std::make_unique<Preallocation>(bytes, writable_);
  } catch (const std::system_error&) {
    next_.reset();
  }
}

}  // namespace agora
