// SPDX-License-Identifier: MIT

#include "server/core/machine/prefetcher.hpp"

#include "server/core/methods/scalar.hpp"
#include "shared/base/bytes_equal.hpp"

namespace agora {

void Prefetcher::begin(const Batch& batch) {
  if (batch.commands.size() < kBatchMin) return;
  for (std::size_t i = 0; i < kBucketAhead; ++i) prefetch_bucket(batch, i);
  for (std::size_t i = 0; i < kEntryAhead; ++i) prefetch_entry(i);
}

void Prefetcher::prefetch_bucket(const Batch& batch, std::size_t index) {
  Prefetched& prefetched = ring_[index % kBucketAhead];
  prefetched = {};
  if (index >= batch.commands.size()) return;
  const Command& command = batch.commands[index];
  if (command.kind != Command::Kind::call || !command.method.on_object) return;
  prefetched.object = find(text_of(batch.argument(command.first)));
  if (prefetched.object == nullptr || command.count < 2) return;
  prefetched.value = prefetched.object->state->prefetch(batch.argument(command.first + 1));
}

void Prefetcher::prefetch_entry(std::size_t index) {
  const Prefetched& prefetched = ring_[index % kBucketAhead];
  if (prefetched.value != 0 && is_valid())
    prefetched.object->state->prefetch_further(prefetched.value);
}

Object* Prefetcher::find(std::string_view name) {
  if (!is_valid()) {
    // An object was created or deleted: the pointers may dangle.
    ring_.fill({});
    last_ = nullptr;
    names_ = registry_.names_changed();
  }
  if (last_ == nullptr || !bytes_equal(last_->name, name)) last_ = registry_.find(name);
  return last_;
}

}  // namespace agora
