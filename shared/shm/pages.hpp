// SPDX-License-Identifier: MIT

// Pages: a client's page table of the server's arena: 1 MiB pages, mapped read-only.
//
// An arena addresses its blocks by units of 16 bytes in one linear space
// (server/storage/arena.hpp). A client adds extents of whole pages as it maps them and removes them
// once the server has released them; their addresses stay readable. One thread at a time may add or
// remove; any thread may read at any time, without a lock.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace agora::shm {

class Pages {
 public:
  static constexpr std::size_t kUnitBytes = 16;
  static constexpr std::size_t kPageUnits = 65536;
  static constexpr std::size_t kPageBytes = kUnitBytes * kPageUnits;
  static constexpr std::size_t kPagesMax = 65536;

  /// Adds `pages` pages, numbered from `first` on, whose content begins at `base`.
  void add(std::size_t first, std::size_t pages, const std::byte* base) {
    for (std::size_t i = 0; i < pages && first + i < kPagesMax; ++i) {
      Page& page = (*pages_)[first + i];
      page.bytes.store((pages - i) * kPageBytes, std::memory_order_relaxed);
      // Release: pairs with the acquire in from(), so a reader that sees `base` sees `bytes`.
      page.base.store(base + (i * kPageBytes), std::memory_order_release);
    }
  }

  /// Removes `pages` pages, numbered from `first` on.
  void remove(std::size_t first, std::size_t pages) {
    for (std::size_t i = 0; i < pages && first + i < kPagesMax; ++i) {
      (*pages_)[first + i].base.store(nullptr, std::memory_order_release);
    }
  }

  /// Returns the bytes from a unit to the end of its extent; empty if the extent is not mapped. Any
  /// number is a valid argument, since a torn read of a handle may give any number.
  std::span<const std::byte> from(std::uint32_t unit) const {
    const Page& page = (*pages_)[unit / kPageUnits];
    const std::byte* const base = page.base.load(std::memory_order_acquire);
    if (base == nullptr) return {};
    const std::size_t offset = std::size_t{unit % kPageUnits} * kUnitBytes;
    return {base + offset, page.bytes.load(std::memory_order_relaxed) - offset};
  }

  /// Returns the address of `bytes` bytes at a unit; null if they are not all in one mapped extent.
  const std::byte* at(std::uint32_t unit, std::size_t bytes) const {
    const std::span<const std::byte> known = from(unit);
    return known.size() < bytes ? nullptr : known.data();
  }

 private:
  struct Page {
    std::atomic<const std::byte*> base{nullptr};
    std::atomic<std::size_t> bytes{0};  ///< from `base` to the end of the extent
  };
  // 1 MiB, which the constructors of the atomics fill with zeroes.
  std::unique_ptr<std::array<Page, kPagesMax>> pages_ =
      std::make_unique<std::array<Page, kPagesMax>>();
};

}  // namespace agora::shm
