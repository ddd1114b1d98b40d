// SPDX-License-Identifier: MIT

#include "tests/conformance/backend.hpp"

#include "server/storage/heap_extents.hpp"
#include "shared/shm/memfd_extents.hpp"

namespace agora::test {

std::unique_ptr<Batch> DelayedJournal::committed() {
  if (batches_.empty() || --batches_.front().turns > 0) return nullptr;
  std::unique_ptr<Batch> batch = std::move(batches_.front().batch);
  batches_.pop_front();
  return batch;
}

std::unique_ptr<ExtentSource> make_extents(const Backend& backend) {
  if (backend.memfd) return std::make_unique<MemfdExtents>();
  return std::make_unique<HeapExtents>();
}

std::unique_ptr<Journal> make_journal(const Backend& backend) {
  if (backend.delayed_journal) return std::make_unique<DelayedJournal>();
  return std::make_unique<MemoryJournal>();
}

}  // namespace agora::test
