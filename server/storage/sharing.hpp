// SPDX-License-Identifier: MIT

// Sharing: the port behind session.map. It lists the extents of the machine's memory that other
// processes can map; the core knows the extents and their content, not how descriptors are sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace agora {

/// One extent that can be mapped.
struct SharedExtent {
  bool writable = false;         ///< words (server/storage/words.hpp); else the arena, read-only
  std::uint32_t first_page = 0;  ///< offset within words or arena, in pages of 1 MiB
  std::uint32_t pages = 0;
  bool released = false;  ///< it is no longer part of the server's memory
};

class Sharing {
 public:
  virtual ~Sharing() = default;
  /// Returns all extents so far, in the order of their creation. The list only grows; extents that
  /// were released stay in it.
  virtual std::span<const SharedExtent> extents() const = 0;
  /// Returns how many of them were released.
  virtual std::size_t releases() const = 0;
  /// Returns the descriptor that a connection passes to the client for that index in extents().
  /// It stays open until the extent is released, and a read-only extent cannot be written through
  /// it.
  virtual int descriptor(std::size_t extent) const = 0;
};

}  // namespace agora
