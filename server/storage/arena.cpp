// SPDX-License-Identifier: MIT

#include "server/storage/arena.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <utility>

#include "shared/base/assert.hpp"

namespace agora {
namespace {

constexpr std::size_t kPageUnits = Arena::kPageBytes / Arena::kUnitBytes;
/// The marks of one page take this many units at the front of its extent.
constexpr std::size_t kMarksUnits = kPageUnits / 8 / Arena::kUnitBytes;
constexpr std::size_t kUnitsPerPage = kPageUnits - kMarksUnits;
constexpr std::size_t kUnitsMax = Arena::kPagesMax * kUnitsPerPage;

/// The marks of pages where no extent is. Nothing is ever written there.
std::array<std::uint64_t, kPageUnits / 64> no_marks{};

/// Smaller free blocks are not discarded: the system call would cost more than the memory is worth.
constexpr std::uint32_t kDiscardUnitsMin = (std::uint32_t{128} << 10) / Arena::kUnitBytes;

/// Blocks in the bin of a request may be smaller than the request: try at most this many.
constexpr int kFitTries = 8;

std::uint32_t units_of(std::size_t bytes) {
  AGORA_ASSERT(bytes > 0);
  return static_cast<std::uint32_t>((bytes + Arena::kUnitBytes - 1) / Arena::kUnitBytes);
}

}  // namespace

Handle Arena::allocate(std::size_t bytes) {
  if (bytes > kUnitsMax * kUnitBytes) return {};
  const std::uint32_t units = units_of(bytes);
  std::uint32_t unit = find(units);
  if (unit == 0) {
    if (!grow(units)) return {};
    unit = find(units);
  }
  const std::uint32_t found = free_block(unit).units;
  remove(unit);
  if (found > units) insert(unit + units, found - units);
  units_used_ += units;
  return Handle{unit};
}

Handle Arena::allocate_zeroed(std::size_t bytes) {
  const std::size_t pages = pages_.size();
  const Handle block = allocate(bytes);
  if (!block) return {};
  // Extents come zeroed. In a new one the arena has written the marks, which lie in front of the
  // block, and the header and the footer of the free block that it was.
  const bool is_new = (block.unit >> 16) >= pages;
  const std::size_t size = rounded(bytes);
  if (!is_new || size <= 2 * kUnitBytes) {
    std::memset(at(block), 0, size);
  } else {
    std::memset(at(block), 0, kUnitBytes);
    std::memset(at(block) + size - kUnitBytes, 0, kUnitBytes);
  }
  return block;
}

Handle Arena::allocate_for_good(std::size_t bytes) {
  const std::uint32_t units = units_of(bytes);
  if (units > for_good_end_ - for_good_next_ && !add_extent(1, 1, true)) return {};
  if (units > for_good_end_ - for_good_next_) return {};
  units_used_ += units;
  return Handle{std::exchange(for_good_next_, for_good_next_ + units)};
}

void Arena::free(Handle block, std::size_t bytes) {
  const std::uint32_t units = units_of(bytes);
  AGORA_ASSERT(block && units <= units_used_);
  units_used_ -= units;
  release(block.unit, units);
}

bool Arena::resize(Handle block, std::size_t bytes_old, std::size_t bytes_new) {
  if (bytes_new > kUnitsMax * kUnitBytes) return false;
  const std::uint32_t units_old = units_of(bytes_old);
  const std::uint32_t units_new = units_of(bytes_new);
  if (units_new < units_old) {
    units_used_ -= units_old - units_new;
    release(block.unit + units_new, units_old - units_new);
  } else if (units_new > units_old) {
    const std::uint32_t behind = block.unit + units_old;
    const std::uint32_t wanted = units_new - units_old;
    if (!marked(behind) || free_block(behind).units < wanted) return false;
    const std::uint32_t found = free_block(behind).units;
    remove(behind);
    if (found > wanted) insert(behind + wanted, found - wanted);
    units_used_ += wanted;
  }
  return true;
}

/// Pushes a free block onto its bin's list and marks its first and its last unit.
void Arena::insert(std::uint32_t unit, std::uint32_t units) {
  const std::size_t bin = FreeBins::bin_of(units);
  const std::uint32_t head = bins_.head(bin);
  FreeBlock& block = free_block(unit);
  block.next = head;
  block.prev = 0;
  block.units = units;
  if (head != 0) free_block(head).prev = unit;
  bins_.set_head(bin, unit);

  const std::uint32_t last = unit + units - 1;
  free_block(last).units_behind = units;
  marks_of(unit) |= std::uint64_t{1} << (unit % 64);
  marks_of(last) |= std::uint64_t{1} << (last % 64);
}

/// Unlinks a free block from its list and clears its two marks.
void Arena::remove(std::uint32_t unit) {
  const FreeBlock block = free_block(unit);
  if (block.next != 0) free_block(block.next).prev = block.prev;
  if (block.prev != 0) {
    free_block(block.prev).next = block.next;
  } else {
    bins_.set_head(FreeBins::bin_of(block.units), block.next);
  }
  const std::uint32_t last = unit + block.units - 1;
  marks_of(unit) &= ~(std::uint64_t{1} << (unit % 64));
  marks_of(last) &= ~(std::uint64_t{1} << (last % 64));
}

/// Frees units and coalesces them with free neighbours. The first units of an extent hold its marks
/// and are never free, so blocks never coalesce across extents.
void Arena::release(std::uint32_t unit, std::uint32_t units) {
  AGORA_ASSERT(!marked(unit));
  if (marked(unit - 1)) {
    const std::uint32_t before = free_block(unit - 1).units_behind;
    remove(unit - before);
    unit -= before;
    units += before;
  }
  if (marked(unit + units)) {
    const std::uint32_t behind = free_block(unit + units).units;
    remove(unit + units);
    units += behind;
  }
  insert(unit, units);
}

/// Returns a free block of at least `units`: one of the same bin, else of the next larger; 0 if
/// there is none.
std::uint32_t Arena::find(std::uint32_t units) const {
  const std::size_t bin = FreeBins::bin_of(units);
  std::uint32_t unit = bins_.head(bin);
  for (int tries = 0; unit != 0 && tries < kFitTries; ++tries) {
    const FreeBlock& block = free_block(unit);
    if (block.units >= units) return unit;
    unit = block.next;
  }
  const std::size_t larger = bins_.first_in_use(bin + 1);
  return larger == FreeBins::kNone ? 0 : bins_.head(larger);
}

/// Adds an extent that can hold one block of `units`. Returns false if the source has none.
bool Arena::grow(std::uint32_t units) {
  const std::size_t needed = (units + kUnitsPerPage - 1) / kUnitsPerPage;
  if (needed > kPagesMax - pages_reserved_) return false;
  const std::size_t wanted = std::clamp(next_extent_pages_, needed, kPagesMax - pages_reserved_);
  if (!add_extent(wanted, needed, false)) return false;
  next_extent_pages_ = std::min(next_extent_pages_ * 2, kExtentBytesMax / kPageBytes);
  return true;
}

/// Adds an extent of `wanted` pages, or of fewer if the source has not so much, but at least of
/// `needed`.
bool Arena::add_extent(std::size_t wanted, std::size_t needed, bool for_good) {
  std::span<std::byte> extent;
  std::uint32_t place = 0;
  for (;; wanted = std::max(wanted / 2, needed)) {
    place = place_for(wanted);
    if (place + wanted <= kPagesMax) extent = source_.allocate_at(place, wanted * kPageBytes);
    if (!extent.empty() || wanted == needed) break;
  }
  if (extent.empty()) return false;

  if (pages_.size() < place + wanted) pages_.resize(place + wanted, {nullptr, no_marks.data()});
  auto* marks = reinterpret_cast<std::uint64_t*>(extent.data());
  for (std::size_t page = 0; page < wanted; ++page) {
    pages_[place + page] = {extent.data() + page * kPageBytes, marks + page * (kPageUnits / 64)};
  }
  extents_.push_back({place, static_cast<std::uint32_t>(wanted), for_good});
  pages_reserved_ += wanted;
  const auto reserved = static_cast<std::uint32_t>(wanted * kMarksUnits);
  const auto first = static_cast<std::uint32_t>(place * kPageUnits) + reserved;
  const auto units = static_cast<std::uint32_t>(wanted * kUnitsPerPage);
  if (for_good) {
    for_good_next_ = first;
    for_good_end_ = first + units;
  } else {
    insert(first, units);
  }
  return true;
}

/// Returns the first page of a gap of that size between the extents, or the end of the space.
std::uint32_t Arena::place_for(std::size_t pages) const {
  if (pages_reserved_ == pages_.size()) return static_cast<std::uint32_t>(pages_.size());
  std::size_t gap = 0;
  for (std::size_t page = 0; page < pages_.size(); ++page) {
    gap = pages_[page].base == nullptr ? gap + 1 : 0;
    if (gap == pages) return static_cast<std::uint32_t>(page + 1 - gap);
  }
  return static_cast<std::uint32_t>(pages_.size() - gap);
}

std::size_t Arena::bytes_reserved() const {
  const std::size_t total = pages_reserved_ * kPageBytes;
  // The blocks that were allocated since then may lie in discarded memory.
  const std::size_t grown =
      (std::max(units_used_, used_at_give_back_) - used_at_give_back_) * kUnitBytes;
  return total - (discarded_bytes_ - std::min(discarded_bytes_, grown));
}

void Arena::give_back() {
  std::erase_if(extents_, [this](const Extent& extent) { return release_extent(extent); });
  while (!pages_.empty() && pages_.back().base == nullptr) pages_.pop_back();
  next_extent_pages_ = std::clamp(pages_reserved_, std::size_t{1}, kExtentBytesMax / kPageBytes);
  discard_free_blocks();
  used_at_give_back_ = units_used_;
}

/// Releases the extent if it is one free block. Returns whether it did.
bool Arena::release_extent(const Extent& extent) {
  if (extent.for_good) return false;
  const auto first =
      static_cast<std::uint32_t>(extent.first_page * kPageUnits + extent.pages * kMarksUnits);
  const auto units = static_cast<std::uint32_t>(extent.pages * kUnitsPerPage);
  if (!marked(first) || free_block(first).units != units) return false;
  remove(first);
  if (!source_.release({pages_[extent.first_page].base, extent.pages * kPageBytes})) {
    insert(first, units);
    return false;
  }
  for (std::uint32_t page = 0; page < extent.pages; ++page) {
    pages_[extent.first_page + page] = {nullptr, no_marks.data()};
  }
  pages_reserved_ -= extent.pages;
  return true;
}

/// The first and the last unit of a free block hold its links and sizes.
void Arena::discard_free_blocks() {
  discarded_bytes_ = 0;
  std::size_t bin = bins_.first_in_use(FreeBins::bin_of(kDiscardUnitsMin));
  for (; bin != FreeBins::kNone; bin = bins_.first_in_use(bin + 1)) {
    for (std::uint32_t unit = bins_.head(bin); unit != 0; unit = free_block(unit).next) {
      const std::size_t inside = (free_block(unit).units - 2) * kUnitBytes;
      discarded_bytes_ += source_.discard({address(unit + 1), inside});
    }
  }
}

}  // namespace agora
