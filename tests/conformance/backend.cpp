#include "tests/conformance/world.hpp"

#include "server/storage/heap_extents.hpp"
#include "shared/shm/memfd_extents.hpp"

namespace agora::test {

std::unique_ptr<Batch> LateJournal::committed() {
  if (batches_.empty() || --batches_.front().turns > 0) return nullptr;
  std::unique_ptr<Batch> batch = std::move(batches_.front().batch);
  batches_.pop_front();
  return batch;
}

std::unique_ptr<ExtentSource> extents_of(const Backend& backend) {
  if (backend.memfd) return std::make_unique<MemfdExtents>();
  return std::make_unique<HeapExtents>();
}

std::unique_ptr<Journal> journal_of(const Backend& backend) {
  if (backend.late) return std::make_unique<LateJournal>();
  return std::make_unique<MemoryJournal>();
}

}  // namespace agora::test
