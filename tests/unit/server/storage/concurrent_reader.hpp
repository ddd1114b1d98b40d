// SPDX-License-Identifier: MIT

// A concurrent reader, simulated within this process: the server's extents mapped a second time,
// read-only, and a cell to read.
#pragma once

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <thread>
#include <utility>
#include <vector>

#include <rapidcheck.h>

#include "server/storage/cells.hpp"
#include "server/storage/handle_deque.hpp"
#include "server/storage/table.hpp"
#include "shared/shm/list_reader.hpp"
#include "shared/shm/memfd_extents.hpp"
#include "shared/shm/pages.hpp"
#include "shared/shm/table_reader.hpp"
#include "shared/value/key_bytes.hpp"
#include "shared/value/references.hpp"

namespace agora::test {

/// The pages that a client has mapped. Only the writer calls `learn`; any thread may read.
class SecondMapping {
 public:
  explicit SecondMapping(const MemfdExtents& extents) : extents_(extents) {}
  SecondMapping(const SecondMapping&) = delete;
  SecondMapping& operator=(const SecondMapping&) = delete;
  ~SecondMapping() {
#if !defined(__SANITIZE_THREAD__)
    for (const auto& [base, bytes] : maps_) munmap(base, bytes);
#endif
  }

  /// Maps the extents added since the last call.
  void learn() {
    while (maps_.size() < extents_.extents().size()) {
      const MemfdExtent& extent = extents_.extents()[maps_.size()];
      const std::size_t bytes = extent.bytes().size();
#if defined(__SANITIZE_THREAD__)
      // The sanitizer tracks addresses, not physical memory: two mappings would hide every race.
      void* base = extent.bytes().data();
#else
      void* base = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, extent.descriptor(), 0);
      if (base == MAP_FAILED) std::abort();
#endif
      maps_.emplace_back(base, bytes);
      pages_.add(known_, bytes / shm::Pages::kPageBytes, static_cast<const std::byte*>(base));
      known_ += bytes / shm::Pages::kPageBytes;
    }
  }

  const shm::Pages& pages() const { return pages_; }
  const shm::Cell& cell(Handle place) const {
    return *reinterpret_cast<const shm::Cell*>(pages_.at(place.unit, sizeof(shm::Cell)));
  }

 private:
  const MemfdExtents& extents_;
  std::vector<std::pair<void*, std::size_t>> maps_;
  std::size_t known_ = 0;
  shm::Pages pages_;
};

/// A copy of the server's memory with random bytes: one in 8, 16, ... 1024 of them.
struct DamagedCopy {
  DamagedCopy(const MemfdExtents& extents, std::mt19937& random, int round) {
    std::size_t known = 0;
    // Each copy is exactly as long as its extent, so that the address sanitizer detects an access
    // one byte beyond.
    for (const MemfdExtent& extent : extents.extents()) {
      const std::size_t bytes = extent.bytes().size();
      copies.push_back(std::make_unique<std::byte[]>(bytes));
      std::memcpy(copies.back().get(), extent.bytes().data(), bytes);
      for (std::size_t n = bytes >> (3 + round % 8); n > 0; --n) {
        copies.back()[random() % bytes] = static_cast<std::byte>(random());
      }
      pages.add(known, bytes / shm::Pages::kPageBytes, copies.back().get());
      known += bytes / shm::Pages::kPageBytes;
    }
  }

  std::vector<std::unique_ptr<std::byte[]>> copies;
  shm::Pages pages;
};

/// Makes the writer pause now and then until a reader has succeeded: on one CPU a writer that never
/// rests may be preempted within a change each time, and then no read can succeed.
class Breather {
 public:
  explicit Breather(const std::atomic<bool>& done) : done_(done) {}
  /// Called by a reader that succeeded.
  void found() { ++found_; }
  /// Called by the writer between two changes.
  void between() {
    if (++steps_ % 256 != 0) return;
    for (const std::uint64_t before = found_; found_ == before && !done_;) {
      std::this_thread::yield();
    }
  }

 private:
  const std::atomic<bool>& done_;
  std::atomic<std::uint64_t> found_{0};
  std::uint64_t steps_ = 0;
};

/// The result of a lookup.
struct Seen {
  shm::ReadResult result;
  std::string value;  ///< if it was found
};

inline Seen try_get(const SecondMapping& client, const shm::Cell& cell, std::uint64_t object,
                    HashKey hash_key, PackedView key) {
  Seen seen{};
  std::string scratch;
  seen.result = shm::find(client.pages(), cell, object, hash_key, key_bytes(key, scratch),
                          [&](std::string_view bytes) { shm::copy_racing(bytes, seen.value); });
  return seen;
}

/// Checks that readers see the same value of a key as the table has, or use the RPC where they
/// must.
inline void check_seen(const Table& table, const SecondMapping& client, const shm::Cell& cell,
                       std::uint64_t object, HashKey hash_key, PackedView key) {
  using shm::ReadResult;
  std::string scratch;
  const std::string_view bytes = key_bytes(key, scratch);
  const Handle entry = table.find(bytes);
  const ReadResult there = shm::contains(client.pages(), cell, object, hash_key, bytes);
  const Seen seen = try_get(client, cell, object, hash_key, key);
  if (!entry) {
    RC_ASSERT(there == ReadResult::not_found);
    RC_ASSERT(seen.result == ReadResult::not_found);
    return;
  }
  const PackedView value = table.value(entry);
  const bool derived = table.key(entry).bytes() != bytes;
  const bool refers = value.present() && has_references(value);
  RC_ASSERT(there == (derived ? ReadResult::use_rpc : ReadResult::found));
  if (derived || refers || value.size() >= shm::kReadableBytesMax) {
    RC_ASSERT(seen.result == ReadResult::use_rpc);
  } else {
    RC_ASSERT(seen.result == ReadResult::found);
    RC_ASSERT(seen.value == value.bytes());
  }
}

inline Seen try_at(const SecondMapping& client, const shm::Cell& cell, std::uint64_t object,
                   std::int64_t index) {
  Seen seen{};
  seen.result = shm::at(client.pages(), cell, object, index,
                        [&](std::string_view bytes) { shm::copy_racing(bytes, seen.value); });
  return seen;
}

/// The same for a list: every index, from either end and beyond.
inline void check_list_seen(const HandleDeque& list, const Values& values,
                            const SecondMapping& client, const shm::Cell& cell,
                            std::uint64_t object) {
  using shm::ReadResult;
  const auto size = static_cast<std::int64_t>(list.size());
  std::uint64_t size_seen = 0;
  RC_ASSERT(shm::read_size(cell, object, size_seen) == ReadResult::found);
  RC_ASSERT(size_seen == list.size());
  for (std::int64_t index = -size - 2; index < size + 2; ++index) {
    const Seen seen = try_at(client, cell, object, index);
    if (index < -size || index >= size) {
      RC_ASSERT(seen.result == ReadResult::not_found);
      continue;
    }
    const Handle element = list[static_cast<std::size_t>(index < 0 ? index + size : index)];
    const PackedView value = values.view(element);
    if (values.has_references(element) || value.size() > shm::kReadableBytesMax) {
      RC_ASSERT(seen.result == ReadResult::use_rpc);
    } else {
      RC_ASSERT(seen.result == ReadResult::found);
      RC_ASSERT(seen.value == value.bytes());
    }
  }
}

}  // namespace agora::test
