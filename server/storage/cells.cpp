// SPDX-License-Identifier: MIT

#include "server/storage/cells.hpp"

#include <cstddef>
#include <memory>

namespace agora {
namespace {

constexpr std::uint32_t kCellsInBlock = 64;
constexpr std::uint32_t kCellUnits = sizeof(shm::Cell) / Arena::kUnitBytes;

void clear(shm::Cell& cell, std::uint64_t object) {
  cell.object.store(object, std::memory_order_relaxed);
  for (auto* word :
       {&cell.version, &cell.size, &cell.shape, &cell.spare[0], &cell.spare[1], &cell.spare[2]}) {
    word->store(0, std::memory_order_relaxed);
  }
}

}  // namespace

Handle Cells::take(ObjectId object) {
  if (free_.empty() && !add_block()) return {};
  const Handle cell = free_.back();
  free_.pop_back();
  shm::begin_write(at(cell));
  clear(at(cell), object.number);
  return cell;
}

void Cells::free(Handle cell) {
  shm::begin_write(at(cell));
  clear(at(cell), 0);
  shm::end_write(at(cell));
  free_.push_back(cell);
}

bool Cells::add_block() {
  // Blocks start at any unit, cells at the start of a cache line, which is every fourth unit.
  const std::size_t bytes = kCellsInBlock * sizeof(shm::Cell) + sizeof(shm::Cell);
  const Handle block = arena_.allocate_for_good(bytes - Arena::kUnitBytes);
  if (!block) return false;
  const std::uint32_t first = (block.unit + kCellUnits - 1) / kCellUnits * kCellUnits;
  for (std::uint32_t i = kCellsInBlock; i > 0; --i) {
    const Handle cell{first + (i - 1) * kCellUnits};
    std::construct_at(&at(cell));
    free_.push_back(cell);
  }
  return true;
}

}  // namespace agora
