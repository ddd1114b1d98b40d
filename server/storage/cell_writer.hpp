// CellWriter: the writing end of a container's cell, by which readers in other processes notice
// that they have read while something changed.
//
// It belongs to the place where content is, not to the content: it is never copied or moved along.
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

  bool shown() const { return cell_ != nullptr; }

  /// From now on `cell`, which must stay, says where the content is. Not within a change.
  void show(shm::Cell& cell, std::uint64_t size, std::uint64_t shape) {
    AGORA_ASSERT(cell_ == nullptr && depth_ == 0);
    cell_ = &cell;
    shm::begin_write(cell);
    publish(size, shape);
  }

  /// Leaves the cell as in the midst of a change: nobody reads what is no longer kept.
  void hide() {
    if (cell_ != nullptr) shm::begin_write(*cell_);
    cell_ = nullptr;
  }

  /// Before anything that readers could come across is written; nested calls are counted.
  void begin() {
    if (depth_++ == 0 && cell_ != nullptr) shm::begin_write(*cell_);
  }

  /// Once for each `begin`; the last one publishes where the content is now.
  void end(std::uint64_t size, std::uint64_t shape) {
    if (--depth_ == 0 && cell_ != nullptr) publish(size, shape);
  }

 private:
  void publish(std::uint64_t size, std::uint64_t shape) {
    cell_->size.store(size, std::memory_order_relaxed);
    cell_->shape.store(shape, std::memory_order_relaxed);
    shm::end_write(*cell_);
  }

  shm::Cell* cell_ = nullptr;
  std::uint32_t depth_ = 0;
};

}  // namespace agora
