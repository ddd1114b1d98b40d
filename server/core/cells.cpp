#include "server/core/cells.hpp"

#include <cstring>

namespace agora {
namespace {

constexpr std::size_t block_cells = 64;
constexpr std::uint32_t cell_units = sizeof(shm::Cell) / Arena::unit_bytes;

}  // namespace

Handle Cells::allocate() {
  if (free_.empty()) {
    // One more than is used, so that the cells can begin where a cache line does.
    constexpr std::size_t bytes = (block_cells + 1) * sizeof(shm::Cell);
    const Handle block = arena_.allocate(bytes);
    if (!block) return {};
    std::memset(arena_.at(block), 0, bytes);
    const std::uint32_t first = (block.unit + cell_units - 1) / cell_units * cell_units;
    for (std::uint32_t i = block_cells; i-- > 0;) free_.push_back({first + i * cell_units});
  }
  const Handle cell = free_.back();
  free_.pop_back();
  return cell;
}

void Cells::free(Handle cell) {
  shm::Cell& freed = at(cell);
  freed.object.store(0);
  for (auto* word : {&freed.version, &freed.size, &freed.shape}) word->store(0);
  free_.push_back(cell);
}

}  // namespace agora
