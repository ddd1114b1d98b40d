// Arena: memory of the core as one linear space of 16-byte units, addressed by 32-bit handles.
//
// The space is made of extents that are only ever appended and never move: 1 MiB, doubling up to
// 64 MiB; a larger request gets an extent of its own. So a handle means the same in every process
// that maps the extents, and an address stays good for as long as its block is allocated.
//
// A block takes exactly the units that it needs: the owner knows its size and names it again when
// it frees it. Free blocks keep their links and sizes inside themselves; one bit a unit, at the
// front of each extent, marks the first and the last unit of every free block. By these a freed
// block finds free neighbours and joins them at once, so memory that held many small blocks can
// hold a large one later. Everything is O(1) but for asking the source for a new extent.
//
// Not thread-safe. The extents belong to the source, which must outlive the arena.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "server/storage/free_bins.hpp"
#include "shared/base/extent_source.hpp"

namespace agora {

/// The place of a block in its arena. Default: null, no block.
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
  /// Extents in sum: what 32-bit handles reach, 64 GiB but one page.
  static constexpr std::size_t kPagesMax = 65535;

  explicit Arena(ExtentSource& source) : source_(source) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// A block of at least `bytes` (>= 1), aligned to 16, its content unspecified.
  /// @return null if the source has no more extents or all 64 GiB are reserved; nothing changed.
  Handle allocate(std::size_t bytes);

  /// Takes back a block; `bytes` must be the size it was allocated with or last resized to.
  void free(Handle block, std::size_t bytes);

  /// Makes a block larger or smaller where it stands; what fits both sizes keeps its content.
  /// @return false if the room behind it is taken: nothing changed. Smaller always succeeds.
  bool resize(Handle block, std::size_t bytes_old, std::size_t bytes_new);

  /// The address of an allocated block. It stays the same until the block is freed.
  std::byte* at(Handle block) const { return address(block.unit); }

  /// The block as a T, which must be trivial and aligned to at most 16 bytes.
  template <typename T>
  T& as(Handle block) const {
    static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= kUnitBytes);
    return *reinterpret_cast<T*>(at(block));
  }

  /// What a block of `bytes` takes in truth: `bytes` rounded up to whole units.
  static constexpr std::size_t rounded(std::size_t bytes) {
    return (bytes + kUnitBytes - 1) / kUnitBytes * kUnitBytes;
  }

  /// Allocated blocks in sum, each rounded up to whole units.
  std::size_t bytes_used() const { return units_used_ * kUnitBytes; }
  /// All extents in sum.
  std::size_t bytes_reserved() const { return pages_.size() * kPageBytes; }

 private:
  struct Page {
    std::byte* base;       ///< of this MiB
    std::uint64_t* marks;  ///< one bit for each of its units
  };
  /// What a free block holds. `units_behind` is read in its last unit, the rest in its first.
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

  ExtentSource& source_;
  std::vector<Page> pages_;
  FreeBins bins_;
  std::size_t next_extent_pages_ = 1;
  std::size_t units_used_ = 0;
};

}  // namespace agora
