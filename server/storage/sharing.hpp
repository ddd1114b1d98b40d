// Sharing: what of the machine's memory other processes can map. The port behind session.map;
// the core knows which extents there are and what lies in them, not how they travel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace agora {

/// One extent that can be mapped.
struct SharedExtent {
  bool writable = false;         ///< words (server/storage/words.hpp); else the arena, read-only
  std::uint32_t first_page = 0;  ///< of the space that it belongs to, in MiB
  std::uint32_t pages = 0;
};

class Sharing {
 public:
  virtual ~Sharing() = default;
  /// All extents so far, in the order in which they were made: more may come, none go.
  virtual std::span<const SharedExtent> extents() const = 0;
  /// What a connection passes on for the extent of that number: a descriptor that stays open, and
  /// through which a read-only extent cannot be written to.
  virtual int descriptor(std::size_t extent) const = 0;
};

}  // namespace agora
