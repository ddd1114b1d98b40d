// SPDX-License-Identifier: MIT

#include "server/storage/buckets.hpp"

#include <algorithm>
#include <cstring>

#include "shared/base/assert.hpp"

namespace agora {
namespace {

constexpr std::uint32_t kFirstSlots = 8;
constexpr std::uint32_t kCountMax = std::uint32_t{1} << 31;

std::size_t slot_bytes(std::uint32_t slots) { return slots * sizeof(std::uint32_t); }

/// Returns the size of a directory, a power of two of segments. Tables shrink at a quarter of the
/// size at which they grow, so a directory does not grow and shrink alternately.
std::size_t directory_bytes(std::uint32_t segments) {
  return std::bit_ceil(segments) * sizeof(Handle);
}

}  // namespace

bool Buckets::add() {
  if (count_ == kCountMax) return false;
  if (segments_ <= 1 && count_ == first_capacity_ && count_ < shm::kSegmentSlots) {
    if (!enlarge_first()) return false;
  } else if (count_ == segments_ * shm::kSegmentSlots) {
    if (!add_segment()) return false;
  }
  head(count_++) = 0;
  return true;
}

void Buckets::remove_last() {
  AGORA_ASSERT(count_ > 0);
  --count_;
  if (count_ == (segments_ - 1) * shm::kSegmentSlots && count_ > 0) drop_segment();
}

void Buckets::drop_segment() {
  if (segments_ == 1) {
    arena_->free(root_, slot_bytes(first_capacity_));
    root_ = {};
    first_capacity_ = 0;
  } else {
    arena_->free(directory()[segments_ - 1], slot_bytes(shm::kSegmentSlots));
    const Handle first = directory()[0];
    const std::size_t bytes = directory_bytes(segments_);
    if (segments_ == 2) {
      arena_->free(root_, bytes);
      root_ = first;
    } else {
      arena_->resize(root_, bytes, directory_bytes(segments_ - 1));
    }
  }
  --segments_;
  count_ = std::min(count_, segments_ * shm::kSegmentSlots);
}

std::size_t Buckets::bytes() const {
  if (segments_ <= 1) return slot_bytes(first_capacity_);
  return segments_ * slot_bytes(shm::kSegmentSlots) + Arena::rounded(directory_bytes(segments_));
}

bool Buckets::add_segment() {
  const Handle block = arena_->allocate(slot_bytes(shm::kSegmentSlots));
  if (!block) return false;
  if (std::has_single_bit(segments_) && !enlarge_directory()) {
    arena_->free(block, slot_bytes(shm::kSegmentSlots));
    return false;
  }
  directory()[segments_++] = block;
  return true;
}

/// Grows the directory for the next segment's handle if it is full: 4 bytes are copied for each
/// 1024 buckets.
bool Buckets::enlarge_directory() {
  const std::size_t bytes_old = directory_bytes(segments_);
  const std::size_t bytes_new = directory_bytes(segments_ + 1);
  if (segments_ > 1 && arena_->resize(root_, bytes_old, bytes_new)) return true;
  const Handle block = arena_->allocate(bytes_new);
  if (!block) return false;
  if (segments_ == 1) {
    arena_->as<Handle>(block) = root_;
  } else {
    std::memcpy(arena_->at(block), arena_->at(root_), bytes_old);
    arena_->free(root_, bytes_old);
  }
  root_ = block;
  return true;
}

/// Allocates the first segment, or doubles it: at most 2 KiB are copied.
bool Buckets::enlarge_first() {
  const std::uint32_t slots = std::max(kFirstSlots, first_capacity_ * 2);
  const Handle block = arena_->allocate(slot_bytes(slots));
  if (!block) return false;
  if (segments_ == 1) {
    std::memcpy(arena_->at(block), arena_->at(root_), slot_bytes(first_capacity_));
    arena_->free(root_, slot_bytes(first_capacity_));
  }
  segments_ = 1;
  root_ = block;
  first_capacity_ = slots;
  return true;
}

}  // namespace agora
