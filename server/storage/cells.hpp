// SPDX-License-Identifier: MIT

// Cells: allocates the seqlock-protected cells of objects (shared/shm/cell.hpp) in blocks that are
// never freed, and whose extents are never released.
//
// A stale handle therefore always points to a cell, perhaps a reused one; the sequence number
// continues across reuse.
#pragma once

#include <vector>

#include "server/storage/arena.hpp"
#include "shared/base/ids.hpp"
#include "shared/shm/cell.hpp"

namespace agora {

class Cells {
 public:
  explicit Cells(Arena& arena) : arena_(arena) {}
  Cells(const Cells&) = delete;
  Cells& operator=(const Cells&) = delete;

  /// Allocates a cell for the object, its other words 0 and its sequence odd (write in progress):
  /// the caller fills the cell and ends the write. Returns null if there is no memory. Cost: O(1);
  /// for every 64th cell a block of 4 KiB.
  Handle take(ObjectId object);

  /// Frees a cell: it belongs to no object from now on.
  void free(Handle cell);

  shm::Cell& at(Handle cell) const { return *reinterpret_cast<shm::Cell*>(arena_.at(cell)); }

 private:
  bool add_block();

  Arena& arena_;
  std::vector<Handle> free_;  ///< a stack: the last one is allocated next
};

}  // namespace agora
