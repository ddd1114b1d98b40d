// Pages: the server's arena as another process sees it: 1 MiB pages, mapped read-only.
//
// An arena names its blocks by units of 16 bytes in one linear space (server/storage/arena.hpp).
// Extents of whole pages are added as they become known, and never go or move before this does.
// Adding is for one thread at a time; looking is for any thread at any time, without a lock.
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

  /// Makes `pages` pages known whose content begins at `base`, as the ones from `first` on.
  void add(std::size_t first, std::size_t pages, const std::byte* base) {
    for (std::size_t i = 0; i < pages && first + i < kPagesMax; ++i) {
      Page& page = (*pages_)[first + i];
      page.bytes.store((pages - i) * kPageBytes, std::memory_order_relaxed);
      page.base.store(base + (i * kPageBytes), std::memory_order_release);
    }
  }

  /// What is known from a unit on: up to the end of its extent, nothing if that is not known.
  /// Any unit may be asked for: what is read from memory that changes need not be one.
  std::span<const std::byte> from(std::uint32_t unit) const {
    const Page& page = (*pages_)[unit / kPageUnits];
    const std::byte* const base = page.base.load(std::memory_order_acquire);
    if (base == nullptr) return {};
    const std::size_t offset = std::size_t{unit % kPageUnits} * kUnitBytes;
    return {base + offset, page.bytes.load(std::memory_order_relaxed) - offset};
  }

  /// The address of `bytes` bytes from a unit on; null if they are not all in one known extent.
  const std::byte* at(std::uint32_t unit, std::size_t bytes) const {
    const std::span<const std::byte> known = from(unit);
    return known.size() < bytes ? nullptr : known.data();
  }

 private:
  struct Page {
    std::atomic<const std::byte*> base{nullptr};
    std::atomic<std::size_t> bytes{0};  ///< from `base` to the end of the extent
  };
  // 1 MiB of zeroes, of which the system makes real only what is written to.
  std::unique_ptr<std::array<Page, kPagesMax>> pages_ =
      std::make_unique<std::array<Page, kPagesMax>>();
};

}  // namespace agora::shm
