// Cells: the places of shm::Cell in the arena, in blocks that never become anything else.
#pragma once

#include <vector>

#include "server/core/arena.hpp"
#include "shared/shm/cell.hpp"

namespace agora {

class Cells {
 public:
  explicit Cells(Arena& arena) : arena_(arena) {}

  /// A cell that is no object's; null: no memory. Its sequence goes on from that of the object
  /// that had it before, all else is 0.
  Handle allocate();
  /// Takes it back; whoever still looks sees that it is no object's.
  void free(Handle cell);

  shm::Cell& at(Handle cell) const { return *reinterpret_cast<shm::Cell*>(arena_.at(cell)); }

 private:
  Arena& arena_;
  std::vector<Handle> free_;
};

}  // namespace agora
