// Cells: places for the cells of objects (shared/shm/cell.hpp), in blocks that are never freed.
//
// So who still knows the place of a cell always finds a cell there, another object's or none, and
// its sequence goes on from one object to the next.
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

  /// A cell for that object, its other words 0, as in the midst of a change: whoever fills it ends
  /// that. Null: no room. Cost: O(1); for every 64th cell a block of 4 KiB.
  Handle take(ObjectId object);

  /// Takes one back: from now on it is nobody's.
  void free(Handle cell);

  shm::Cell& at(Handle cell) const { return *reinterpret_cast<shm::Cell*>(arena_.at(cell)); }

 private:
  bool add_block();

  Arena& arena_;
  std::vector<Handle> free_;  ///< the last one is the next to be taken
};

}  // namespace agora
