// SPDX-License-Identifier: MIT

// Arena: the core's allocator. A linear space of 16-byte units, addressed by 32-bit handles.
//
// The space consists of extents that never move: 1 MiB, doubling up to 64 MiB; a larger request
// gets an extent of its own. So a handle means the same in every process that maps the extents, and
// an address stays valid while its block is allocated. give_back() releases the extents that are
// free, and their place in the space is used again.
//
// A block takes exactly the units that it needs. Its owner knows the size and passes it again to
// `free`. Free blocks are kept in segregated free lists, whose links and sizes lie inside the free
// blocks. Boundary tags are one bit a unit, at the front of each extent: they mark the first and
// the last unit of every free block. With them `free` coalesces a block with its free neighbours at
// once, so memory that held many small blocks can hold a large one later. Every operation is O(1)
// except asking the source for a new extent.
//
// Not thread-safe. The source owns the extents and must outlive the arena.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "server/storage/free_bins.hpp"
#include "shared/base/extent_source.hpp"

namespace agora {

/// The address of a block in its arena. Default: null, no block.
struct Handle {
  std::uint32_t unit = 0;
  constexpr explicit operator bool() const { return unit != 0; }
  friend constexpr bool operator==(Handle a, Handle b) = default;
};

class Arena {
 public:
  static constexpr std::size_t kUnitBytes = 16;
  static constexpr std::size_t kPageBytes = std::size_t{1} << 20;
  static constexpr std::size_t kExtentBytesMax = std::size_t{64} << 20;
  /// Maximum number of pages in all extents together: 64 GiB less one page, the reach of 32-bit
  /// handles.
  static constexpr std::size_t kPagesMax = 65535;

  explicit Arena(ExtentSource& source) : source_(source) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// Allocates a block of at least `bytes` (>= 1), aligned to 16; its content is unspecified.
  /// @return null if the source has no more extents or all 64 GiB are reserved; then nothing
  /// changed.
  Handle allocate(std::size_t bytes);

  /// Allocates as `allocate`, and zeroes the block. A block in a new extent is touched at its ends
  /// only, so a large one costs neither time nor pages until it is used.
  Handle allocate_zeroed(std::size_t bytes);

  /// Allocates a block that is never freed. Such blocks share extents of their own, so that they
  /// keep no other extent from being released.
  /// @return null as allocate().
  Handle allocate_for_good(std::size_t bytes);

  /// Frees a block; `bytes` must be the size it was allocated with or last resized to.
  void free(Handle block, std::size_t bytes);

  /// Grows or shrinks a block in place; the content that fits both sizes is kept.
  /// @return false if the units behind it are in use; then nothing changed. Shrinking always
  /// succeeds.
  bool resize(Handle block, std::size_t bytes_old, std::size_t bytes_new);

  /// Returns the address of an allocated block. It stays the same until the block is freed.
  std::byte* at(Handle block) const { return address(block.unit); }

  /// Returns the block as a T, which must be trivial and aligned to at most 16 bytes.
  template <typename T>
  T& as(Handle block) const {
    static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= kUnitBytes);
    return *reinterpret_cast<T*>(at(block));
  }

  /// Returns the real size of a block of `bytes`: rounded up to whole units.
  static constexpr std::size_t rounded(std::size_t bytes) {
    return (bytes + kUnitBytes - 1) / kUnitBytes * kUnitBytes;
  }

  /// Returns the total size of the allocated blocks, each rounded up to whole units.
  std::size_t bytes_used() const { return units_used_ * kUnitBytes; }
  /// Returns the memory that the arena has from the system: the total size of all extents without
  /// the part that give_back() has discarded and that cannot be in use again.
  std::size_t bytes_reserved() const;
  const ExtentSource& source() const { return source_; }

  /// Gives free memory back to the system: releases the extents that are free, and discards the
  /// large free blocks of the others. Where the source can do neither, nothing happens.
  /// Cost: O(extents and large free blocks), and the kernel's work.
  void give_back();

 private:
  struct Page {
    std::byte* base;       ///< the first byte of this MiB; null: no extent is here
    std::uint64_t* marks;  ///< the boundary tags: one bit for each unit of this MiB; all 0 if no
                           ///< extent is here
  };
  struct Extent {
    std::uint32_t first_page;
    std::uint32_t pages;
    bool for_good;  ///< of allocate_for_good(): without free blocks
  };
  /// The header and the footer of a free block. Its first unit holds `next`, `prev` and `units`.
  /// Its last unit holds `units_behind`, the size again, for a neighbour that is freed behind it.
  struct FreeBlock {
    std::uint32_t next;
    std::uint32_t prev;
    std::uint32_t units;
    std::uint32_t units_behind;
  };

  std::byte* address(std::uint32_t unit) const {
    return pages_[unit >> 16].base + (std::size_t{unit & 0xffff} * kUnitBytes);
  }
  FreeBlock& free_block(std::uint32_t unit) const {
    return *reinterpret_cast<FreeBlock*>(address(unit));
  }
  std::uint64_t& marks_of(std::uint32_t unit) const {
    return pages_[unit >> 16].marks[(unit & 0xffff) / 64];
  }
  bool marked(std::uint32_t unit) const {
    return (unit >> 16) < pages_.size() && ((marks_of(unit) >> (unit % 64)) & 1) != 0;
  }
  void insert(std::uint32_t unit, std::uint32_t units);
  void remove(std::uint32_t unit);
  void release(std::uint32_t unit, std::uint32_t units);
  std::uint32_t find(std::uint32_t units) const;
  bool grow(std::uint32_t units);
  bool add_extent(std::size_t wanted, std::size_t needed, bool for_good);
  std::uint32_t place_for(std::size_t pages) const;
  bool release_extent(const Extent& extent);
  void discard_free_blocks();

  ExtentSource& source_;
  std::vector<Page> pages_;
  std::vector<Extent> extents_;
  std::size_t pages_reserved_ = 0;     // of all extents
  std::uint32_t for_good_next_ = 0;    // the next unit of allocate_for_good()
  std::uint32_t for_good_end_ = 0;     // the end of its extent
  std::size_t discarded_bytes_ = 0;    // by the last give_back()
  std::size_t used_at_give_back_ = 0;  // units_used_ then
  FreeBins bins_;
  std::size_t next_extent_pages_ = 1;
  std::size_t units_used_ = 0;
};

}  // namespace agora
