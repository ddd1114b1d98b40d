// SPDX-License-Identifier: MIT

// MappedView: the part of the machine's state that client processes on this host map and read or
// change without the server: cells, lock words, and shared words of values and arrays.
//
// Each located object has a cell, a seqlock-protected record (shared/shm/cell.hpp). The machine
// updates it after the command that changed the object and before its effects are delivered, so a
// client that has got a reply never reads an older version from the cell.
#pragma once

#include <cstddef>
#include <vector>

#include "server/core/state/lending.hpp"
#include "server/core/state/object.hpp"
#include "server/storage/arena.hpp"
#include "server/storage/cells.hpp"
#include "server/storage/heap_extents.hpp"
#include "shared/base/extent_source.hpp"

namespace agora {

class Machine;

class MappedView {
 public:
  /// @param words  the source of shared words; null: they lie in the heap, and no client maps them
  MappedView(Machine& machine, ExtentSource* words);
  MappedView(const MappedView&) = delete;
  MappedView& operator=(const MappedView&) = delete;

  Lending& lending() { return lending_; }
  const Lending& lending() const { return lending_; }

  /// Returns the place of the object's cell. From now on the cell is kept up to date. Returns null
  /// if there is no memory.
  Handle publish(Object& object);
  /// Frees the cell of an object that is being deleted.
  void unpublish(Object& object);
  /// Begins a write of the object's cell (odd sequence) that ends with the transaction that runs,
  /// so that no reader sees a part of the transaction. Does nothing outside a transaction, or for a
  /// State that begins and ends the writes itself.
  void begin_write(Object& object);
  /// Returns the place of a cell whose size is the number of all extents so far and whose version
  /// is the number of released ones; null if there is no memory.
  Handle publish_memory();
  /// Updates that cell, if it was published.
  void refresh_memory() {
    if (memory_cell_) publish_memory();
  }

  /// Has refresh() update the object's cell once the command is done, and lend its lock word again
  /// (Lockable::lend).
  void refresh_soon(Object& object) {
    if (object.to_refresh) return;
    object.to_refresh = true;
    to_refresh_.push_back(object.id);
  }
  bool has_work() const { return !to_refresh_.empty(); }
  /// Refreshes all objects that were given to refresh_soon.
  void refresh();

 private:
  void write_cell(Object& object);

  Machine& machine_;
  Cells cells_;
  Handle memory_cell_;
  HeapExtents own_words_;
  Lending lending_;
  std::vector<ObjectId> to_refresh_;
};

}  // namespace agora
