// SPDX-License-Identifier: MIT

#include "server/storage/order_index.hpp"

#include <algorithm>

#include "shared/base/assert.hpp"

namespace agora {
namespace {

/// The first chunk starts small: most tables are.
constexpr std::size_t kFirstCapacity = 8;
/// An erase that leaves a chunk with fewer handles tries to merge it with a neighbour.
constexpr std::size_t kSparseBelow = 128;
/// Two chunks are merged if they hold at most this many handles together. The result is at most
/// half full, so the next insert does not split it again.
constexpr std::size_t kMergedMax = 256;

std::size_t block_bytes(std::size_t capacity) { return capacity * sizeof(Handle); }

}  // namespace

OrderIndex::~OrderIndex() {
  for (const Chunk& chunk : chunks_) arena_->free(chunk.block, block_bytes(chunk.capacity));
}

bool OrderIndex::append(Handle entry) {
  const std::uint64_t sequence = sequence_of(entry);
  AGORA_ASSERT(size_ == 0 || sequence > sequence_of(last()));
  if (!make_room(sequence)) return false;
  Chunk& chunk = chunks_.back();
  handles(chunk)[chunk.count++] = entry;
  ++size_;
  return true;
}

bool OrderIndex::insert(Handle entry) {
  const std::uint64_t sequence = sequence_of(entry);
  if (size_ == 0 || sequence > sequence_of(last())) return append(entry);
  std::size_t index = chunk_of(sequence);
  if (chunks_[index].count == chunks_[index].capacity) {
    if (!split(index)) return false;
    index = chunk_of(sequence);
  }
  Chunk& chunk = chunks_[index];
  // Search before lowering the chunk's first number: the search measures from it.
  const std::size_t slot = slot_of(chunk, sequence);
  Handle* const begin = handles(chunk);
  std::copy_backward(begin + slot, begin + chunk.count, begin + chunk.count + 1);
  begin[slot] = entry;
  chunk.sequence_min = std::min(chunk.sequence_min, sequence);
  ++chunk.count;
  ++size_;
  return true;
}

void OrderIndex::erase(std::uint64_t sequence) {
  const Position position = position_of(sequence);
  Chunk& chunk = chunks_[position.chunk];
  Handle* const begin = handles(chunk);
  std::copy(begin + position.slot + 1, begin + chunk.count, begin + position.slot);
  --chunk.count;
  --size_;
  if (chunk.count == 0) {
    remove_chunk(position.chunk);
  } else if (chunk.count < kSparseBelow && !merge_with_next(position.chunk) && position.chunk > 0) {
    merge_with_next(position.chunk - 1);
  }
}

void OrderIndex::pop_last() {
  AGORA_ASSERT(size_ > 0);
  --size_;
  if (--chunks_.back().count == 0) remove_chunk(chunks_.size() - 1);
}

void OrderIndex::replace(std::uint64_t sequence, Handle entry) {
  const Position position = position_of(sequence);
  handles(chunks_[position.chunk])[position.slot] = entry;
}

Handle OrderIndex::last() const {
  return size_ == 0 ? Handle{} : handles(chunks_.back())[chunks_.back().count - 1];
}

OrderIndex::Position OrderIndex::lower_bound(std::uint64_t sequence) const {
  if (size_ == 0) return {};
  const std::size_t index = chunk_of(sequence);
  const std::size_t slot = slot_of(chunks_[index], sequence);
  return slot < chunks_[index].count ? Position{index, slot} : Position{index + 1, 0};
}

Handle OrderIndex::at(Position position) const {
  return position.chunk < chunks_.size() ? handles(chunks_[position.chunk])[position.slot]
                                         : Handle{};
}

OrderIndex::Position OrderIndex::next(Position position) const {
  return position.slot + 1 < chunks_[position.chunk].count
             ? Position{position.chunk, position.slot + 1}
             : Position{position.chunk + 1, 0};
}

std::size_t OrderIndex::bytes() const {
  std::size_t sum = chunks_.capacity() * sizeof(Chunk);
  for (const Chunk& chunk : chunks_) sum += Arena::rounded(block_bytes(chunk.capacity));
  return sum;
}

/// Returns the only chunk that may hold that number; the first one if it is below all.
std::size_t OrderIndex::chunk_of(std::uint64_t sequence) const {
  const auto above = std::upper_bound(
      chunks_.begin(), chunks_.end(), sequence,
      [](std::uint64_t wanted, const Chunk& chunk) { return wanted < chunk.sequence_min; });
  return above == chunks_.begin() ? 0 : static_cast<std::size_t>(above - chunks_.begin()) - 1;
}

/// Returns the first slot with a number >= `sequence`; `count` if there is none.
std::size_t OrderIndex::slot_of(const Chunk& chunk, std::uint64_t sequence) const {
  const Handle* const begin = handles(chunk);
  const auto below = [this](Handle entry, std::uint64_t wanted) {
    return sequence_of(entry) < wanted;
  };
  // Numbers rise by at least one a slot, so the slot is at most where a chunk without gaps would
  // have it. Trying that slot first spares the binary search at the ends of the order and in chunks
  // without gaps.
  const std::uint64_t distance = sequence - std::min(sequence, chunk.sequence_min);
  const std::size_t guess = std::min<std::uint64_t>(distance, chunk.count - 1U);
  if (below(begin[guess], sequence)) return guess + 1;
  if (guess == 0 || below(begin[guess - 1], sequence)) return guess;
  const Handle* const found = std::lower_bound(begin, begin + guess, sequence, below);
  return static_cast<std::size_t>(found - begin);
}

/// Returns the position of the entry with exactly that number.
OrderIndex::Position OrderIndex::position_of(std::uint64_t sequence) const {
  const Position position = lower_bound(sequence);
  const Handle entry = at(position);
  AGORA_ASSERT(entry && sequence_of(entry) == sequence);
  return position;
}

/// Makes sure that the last chunk has room for one more handle; appends a chunk if necessary, for
/// numbers from `sequence` on.
bool OrderIndex::make_room(std::uint64_t sequence) {
  if (!chunks_.empty()) {
    Chunk& last = chunks_.back();
    if (last.count < last.capacity) return true;
    if (last.capacity < kChunkHandlesMax) return enlarge(last, last.capacity * std::size_t{2});
  }
  const std::size_t capacity = chunks_.empty() ? kFirstCapacity : kChunkHandlesMax;
  const Handle block = arena_->allocate(block_bytes(capacity));
  if (!block) return false;
  chunks_.push_back({sequence, block, 0, static_cast<std::uint16_t>(capacity)});
  return true;
}

/// Makes room in a full chunk: enlarges it, or moves its second half to a new chunk behind it.
bool OrderIndex::split(std::size_t index) {
  Chunk& full = chunks_[index];
  if (full.capacity < kChunkHandlesMax) return enlarge(full, full.capacity * std::size_t{2});
  const Handle block = arena_->allocate(block_bytes(kChunkHandlesMax));
  if (!block) return false;
  const auto stays = static_cast<std::uint16_t>(full.count / 2);
  const auto goes = static_cast<std::uint16_t>(full.count - stays);
  const Handle* const moved = handles(full) + stays;
  std::copy_n(moved, goes, &arena_->as<Handle>(block));
  const Chunk made{sequence_of(*moved), block, goes, kChunkHandlesMax};
  full.count = stays;
  chunks_.insert(chunks_.begin() + static_cast<std::ptrdiff_t>(index) + 1, made);
  return true;
}

bool OrderIndex::enlarge(Chunk& chunk, std::size_t capacity) {
  const std::size_t bytes_old = block_bytes(chunk.capacity);
  if (!arena_->resize(chunk.block, bytes_old, block_bytes(capacity))) {
    const Handle block = arena_->allocate(block_bytes(capacity));
    if (!block) return false;
    std::copy_n(handles(chunk), chunk.count, &arena_->as<Handle>(block));
    arena_->free(chunk.block, bytes_old);
    chunk.block = block;
  }
  chunk.capacity = static_cast<std::uint16_t>(capacity);
  return true;
}

void OrderIndex::remove_chunk(std::size_t index) {
  arena_->free(chunks_[index].block, block_bytes(chunks_[index].capacity));
  chunks_.erase(chunks_.begin() + static_cast<std::ptrdiff_t>(index));
}

/// Merges the next chunk into this one if they hold at most kMergedMax handles together. Returns
/// false if they hold more, if there is no next chunk, or if there is no memory.
bool OrderIndex::merge_with_next(std::size_t index) {
  if (index + 1 >= chunks_.size()) return false;
  Chunk& into = chunks_[index];
  const Chunk& from = chunks_[index + 1];
  const std::size_t sum = std::size_t{into.count} + from.count;
  if (sum > kMergedMax) return false;
  if (sum > into.capacity && !enlarge(into, kMergedMax)) return false;
  std::copy_n(handles(from), from.count, handles(into) + into.count);
  into.count = static_cast<std::uint16_t>(sum);
  remove_chunk(index + 1);
  return true;
}

}  // namespace agora
