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
  return allocate_at(0, bytes);
}

std::span<std::byte> SharedMemory::Space::allocate_at(std::uint32_t first_page, std::size_t bytes) {
  const bool ahead = next_ && next_->bytes == bytes;
  if (!ahead && !all_.has_room_for(bytes)) {
    // The extents that were made ahead must not keep this one out.
    all_.arena_.drop_ahead();
    all_.words_.drop_ahead();
    if (!all_.has_room_for(bytes)) return {};
  }
  if (ahead) all_.bytes_ -= bytes;
  MemfdExtent extent = take(bytes);
  std::span<std::byte> memory = extent.bytes();
  if (memory.empty()) {
    memory = private_.allocate(bytes);
    if (memory.empty()) return {};
  } else {
    const auto pages = static_cast<std::uint32_t>(bytes / kPageBytes);
    mapped_.push_back({std::move(extent), all_.extents_.size()});
    all_.extents_.push_back({writable_, first_page, pages});
    all_.descriptors_.push_back(mapped_.back().extent.descriptor());
  }
  all_.bytes_ += bytes;
  if (!mapped_.empty() && mapped_.back().extent.bytes().data() == memory.data()) {
    preallocate(std::min(bytes * 2, kPreallocatedBytesMax));
  }
  return memory;
}

bool SharedMemory::Space::release(std::span<std::byte> extent) {
  // Clients may hold addresses of words for as long as they live.
  if (writable_) return false;
  drop_ahead();
  if (Mapped* const found = holder_of(extent.data())) {
    all_.extents_[found->index].released = true;
    all_.descriptors_[found->index] = -1;
    ++all_.releases_;
    mapped_.erase(mapped_.begin() + (found - mapped_.data()));
  } else if (!private_.release(extent)) {
    return false;
  }
  all_.bytes_ -= extent.size();
  return true;
}

std::size_t SharedMemory::Space::discard(std::span<std::byte> unused) {
  Mapped* const found = holder_of(unused.data());
  if (found == nullptr) return private_.discard(unused);
  return writable_ ? found->extent.discard(unused) : 0;
}

bool SharedMemory::Space::renew(std::span<std::byte> bytes) {
  Mapped* const found = holder_of(bytes.data());
  return found == nullptr || !writable_ || found->extent.renew(bytes);
}

SharedMemory::Space::Mapped* SharedMemory::Space::holder_of(const std::byte* at) {
  const auto found = std::find_if(mapped_.begin(), mapped_.end(), [at](const Mapped& mapped) {
    const std::span<std::byte> bytes = mapped.extent.bytes();
    return at >= bytes.data() && at < bytes.data() + bytes.size();
  });
  return found == mapped_.end() ? nullptr : &*found;
}

MemfdExtent SharedMemory::Space::take(std::size_t bytes) {
  if (!next_ || next_->bytes != bytes) return MemfdExtent::make(bytes, access(writable_));
  MemfdExtent made = next_->take();
  next_.reset();
  return made;
}

void SharedMemory::Space::drop_ahead() {
  if (!next_) return;
  all_.bytes_ -= next_->bytes;
  next_.reset();
}

/// Starts to make the next extent, if the bound allows one. If no thread can be started, it is made
/// when it is needed.
void SharedMemory::Space::preallocate(std::size_t bytes) {
  if (bytes < kPreallocatedBytesMin || (next_ && next_->bytes == bytes)) return;
  drop_ahead();
  if (!all_.has_room_for(bytes)) return;
  try {
    next_ = std::make_unique<Preallocation>(bytes, writable_);
    all_.bytes_ += bytes;
  } catch (const std::system_error&) {
    next_.reset();
  }
}

}  // namespace agora
