#include "server/core/buckets.hpp"

#include <algorithm>
#include <cstring>

#include "shared/base/assert.hpp"

namespace agora {
namespace {

constexpr std::uint32_t first_slots = 8;
constexpr std::uint32_t count_max = std::uint32_t{1} << 31;

std::size_t slot_bytes(std::uint32_t slots) { return slots * sizeof(std::uint32_t); }

}  // namespace

bool Buckets::add() {
  if (count_ == count_max) return false;
  if (segments_.size() <= 1 && count_ == first_capacity_ && count_ < segment_slots) {
    if (!enlarge_first()) return false;
  } else if (count_ == segments_.size() * segment_slots) {
    if (!add_segment()) return false;
  }
  head(count_++) = 0;
  return true;
}

void Buckets::remove_last() {
  AGORA_ASSERT(count_ > 0);
  --count_;
  if (count_ == (segments_.size() - 1) * segment_slots && count_ > 0) drop_segment();
}

void Buckets::drop_segment() {
  const bool first = segments_.size() == 1;
  arena_->free(segments_.back(), slot_bytes(first ? first_capacity_ : segment_slots));
  segments_.pop_back();
  if (first) first_capacity_ = 0;
  count_ = std::min(count_, static_cast<std::uint32_t>(segments_.size() * segment_slots));
}

std::size_t Buckets::bytes() const {
  std::size_t sum = segments_.capacity() * sizeof(Handle);
  if (!segments_.empty()) {
    sum += slot_bytes(first_capacity_) + (segments_.size() - 1) * slot_bytes(segment_slots);
  }
  return sum;
}

bool Buckets::add_segment() {
  const Handle block = arena_->allocate(slot_bytes(segment_slots));
  if (!block) return false;
  segments_.push_back(block);
  return true;
}

/// Makes the first segment, or doubles it: at most 2 KiB are copied.
bool Buckets::enlarge_first() {
  const std::uint32_t slots = std::max(first_slots, first_capacity_ * 2);
  const Handle block = arena_->allocate(slot_bytes(slots));
  if (!block) return false;
  if (segments_.empty()) {
    segments_.push_back(block);
  } else {
    std::memcpy(arena_->at(block), arena_->at(segments_[0]), slot_bytes(first_capacity_));
    arena_->free(segments_[0], slot_bytes(first_capacity_));
    segments_[0] = block;
  }
  first_capacity_ = slots;
  return true;
}

}  // namespace agora
