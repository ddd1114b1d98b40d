// A process that reads along, played within this one: the server's extents mapped a second time,
// read-only, and a cell to look at.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <utility>
#include <vector>

#include <rapidcheck.h>

#include "server/core/cells.hpp"
#include "server/core/table.hpp"
#include "shared/shm/memfd_extents.hpp"
#include "shared/shm/pages.hpp"
#include "shared/shm/table_reader.hpp"
#include "shared/value/key_bytes.hpp"
#include "shared/value/normalize.hpp"

namespace agora::test {

/// The pages that a client has mapped. `learn` is the writer's, looking is anybody's.
class SecondMapping {
 public:
  explicit SecondMapping(const MemfdExtents& extents) : extents_(extents) {}
  SecondMapping(const SecondMapping&) = delete;
  SecondMapping& operator=(const SecondMapping&) = delete;
  ~SecondMapping() {
    for (const auto& [base, bytes] : maps_) munmap(base, bytes);
  }

  /// Maps extents that have come since.
  void learn() {
    while (maps_.size() < extents_.extents().size()) {
      const MemfdExtent& extent = extents_.extents()[maps_.size()];
      const std::size_t bytes = extent.bytes().size();
      void* base = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, extent.descriptor(), 0);
      if (base == MAP_FAILED) std::abort();
      maps_.emplace_back(base, bytes);
      pages_.add(known_, bytes / shm::Pages::page_bytes, static_cast<const std::byte*>(base));
      known_ += bytes / shm::Pages::page_bytes;
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

/// What a lookup gave.
struct Seen {
  shm::Look look;
  std::string value;  ///< if it was found
};

inline Seen look_up(const SecondMapping& client, const shm::Cell& cell, std::uint64_t object,
                    HashKey hash_key, PackedView key) {
  Seen seen{};
  std::string scratch;
  seen.look = shm::find(client.pages(), cell, object, hash_key, key_bytes(key, scratch),
                        [&](std::string_view bytes) { shm::copy_racing(bytes, seen.value); });
  return seen;
}

/// Readers must see of a key what the table says itself, or have to ask where they have to.
inline void check_seen(const Table& table, const SecondMapping& client, const shm::Cell& cell,
                       std::uint64_t object, HashKey hash_key, PackedView key) {
  using shm::Look;
  std::string scratch;
  const std::string_view bytes = key_bytes(key, scratch);
  const Handle entry = table.find(bytes);
  const Look there = shm::contains(client.pages(), cell, object, hash_key, bytes);
  const Seen seen = look_up(client, cell, object, hash_key, key);
  if (!entry) {
    RC_ASSERT(there == Look::absent);
    RC_ASSERT(seen.look == Look::absent);
    return;
  }
  const PackedView value = table.value(entry);
  const bool derived = table.key(entry).bytes() != bytes;
  const bool refers = value.present() && has_references(value);
  RC_ASSERT(there == (derived ? Look::elsewhere : Look::found));
  if (derived || refers || value.size() >= shm::inline_bytes_max) {
    RC_ASSERT(seen.look == Look::elsewhere);
  } else {
    RC_ASSERT(seen.look == Look::found);
    RC_ASSERT(seen.value == value.bytes());
  }
}

}  // namespace agora::test
