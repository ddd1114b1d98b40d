#include "server/core/machine/prefetcher.hpp"

#include "server/core/methods/scalar.hpp"
#include "shared/base/bytes_equal.hpp"

namespace agora {

void Prefetcher::begin(const Batch& batch) {
  if (batch.commands.size() < kLeast) return;
  for (std::size_t i = 0; i < kFar; ++i) prefetch_bucket(batch, i);
  for (std::size_t i = 0; i < kNear; ++i) prefetch_entry(i);
}

void Prefetcher::prefetch_bucket(const Batch& batch, std::size_t index) {
  Known& known = ring_[index % kFar];
  known = {};
  if (index >= batch.commands.size()) return;
  const Command& command = batch.commands[index];
  if (command.kind != Command::Kind::call || !command.method.on_object) return;
  known.object = find(text_of(batch.argument(command.first)));
  if (known.object == nullptr || command.count < 2) return;
  known.seen = known.object->state->prefetch(batch.argument(command.first + 1));
}

void Prefetcher::prefetch_entry(std::size_t index) {
  const Known& known = ring_[index % kFar];
  if (known.seen != 0 && is_valid()) known.object->state->prefetch_further(known.seen);
}

Object* Prefetcher::find(std::string_view name) {
  if (!is_valid()) {
    // Somebody was created or deleted: what was found before may be gone.
    ring_.fill({});
    last_ = nullptr;
    names_ = registry_.names_changed();
  }
  if (last_ == nullptr || !bytes_equal(last_->name, name)) last_ = registry_.find(name);
  return last_;
}

}  // namespace agora
