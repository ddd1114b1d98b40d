#include "server/shm/shared_memory.hpp"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

namespace agora {
namespace {

constexpr std::size_t kPageBytes = std::size_t{1} << 20;
/// Smaller extents are made when they are needed: that is soon done.
constexpr std::size_t kAheadBytesMin = 4 * kPageBytes;
/// The arena's own greatest (server/storage/arena.hpp).
constexpr std::size_t kAheadBytesMax = 64 * kPageBytes;
/// Between the steps of making one ahead, a quarter of it each. On a busy CPU it takes longer until
/// the thread has its next turn: with more and smaller steps it would come too late.
constexpr std::chrono::milliseconds kRest{1};

MemfdExtent::Access access(bool writable) {
  return writable ? MemfdExtent::Access::write : MemfdExtent::Access::read;
}

}  // namespace

SharedMemory::Space::Ahead::Ahead(std::size_t the_bytes, bool writable)
    : bytes(the_bytes), made(std::async(std::launch::async, [this, writable] {
        bool in_no_hurry = true;
        return MemfdExtent::make(bytes, access(writable), [&] {
          in_no_hurry = in_no_hurry && !hurry.try_acquire_for(kRest);
        });
      })) {}

SharedMemory::Space::Ahead::~Ahead() {
  if (made.valid()) take();
}

MemfdExtent SharedMemory::Space::Ahead::take() {
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
    prepare(std::min(bytes * 2, kAheadBytesMax));
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

/// Without a thread for it the next one is made when it is needed.
void SharedMemory::Space::prepare(std::size_t bytes) {
  if (bytes < kAheadBytesMin || (next_ && next_->bytes == bytes)) return;
  try {
    next_ = std::make_unique<Ahead>(bytes, writable_);
  } catch (const std::system_error&) {
    next_.reset();
  }
}

}  // namespace agora
