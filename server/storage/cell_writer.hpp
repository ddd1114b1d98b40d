// SPDX-License-Identifier: MIT

// CellWriter: the writer's side of the seqlock in a container's cell. By its sequence number
// readers in other processes detect that the content changed while they read it.
//
// A cell is bound to an object, not to its content: a CellWriter is never copied or moved with the
// content.
#pragma once

#include <cstdint>

#include "shared/base/assert.hpp"
#include "shared/shm/cell.hpp"

namespace agora {

class CellWriter {
 public:
  CellWriter() = default;
  CellWriter(const CellWriter&) = delete;
  CellWriter& operator=(const CellWriter&) = delete;

  bool published() const { return cell_ != nullptr; }

  /// Publishes the content's size and location in `cell` from now on. The cell must outlive the
  /// publication. Must not be called between begin() and end().
  void publish(shm::Cell& cell, std::uint64_t size, std::uint64_t shape) {
    AGORA_ASSERT(cell_ == nullptr && depth_ == 0);
    cell_ = &cell;
    shm::begin_write(cell);
    end_write(size, shape);
  }

  /// Leaves the sequence odd (write in progress), so readers reject the content from now on.
  void unpublish() {
    if (cell_ != nullptr) shm::begin_write(*cell_);
    cell_ = nullptr;
  }

  /// Begins a write: the sequence becomes odd. Must be called before anything is written that
  /// readers can reach. Calls nest.
  void begin() {
    if (depth_++ == 0 && cell_ != nullptr) shm::begin_write(*cell_);
  }

  /// Ends a write; must be called once for each `begin`. The outermost call publishes the new size
  /// and location of the content.
  void end(std::uint64_t size, std::uint64_t shape) {
    if (--depth_ == 0 && cell_ != nullptr) end_write(size, shape);
  }

 private:
  void end_write(std::uint64_t size, std::uint64_t shape) {
    cell_->size.store(size, std::memory_order_relaxed);
    cell_->shape.store(shape, std::memory_order_relaxed);
    shm::end_write(*cell_);
  }

  shm::Cell* cell_ = nullptr;
  std::uint32_t depth_ = 0;
};

}  // namespace agora
