// SPDX-License-Identifier: MIT

// OrderIndex: the entries of a table in the order of their sequence numbers, 4 bytes each.
//
// Chunks of up to 512 handles lie in the arena; a directory of chunks lies outside it. A sequence
// number is stored only in its entry. So a lookup is a binary search over the directory, then one
// inside a chunk that reads entries. Dense numbers make the second search short: a handle's index
// in its chunk is at most the distance of its number from the chunk's first. Sparse neighbours are
// merged, so chunks hold at least 128 handles on average.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "server/storage/arena.hpp"
#include "server/storage/entry.hpp"

namespace agora {

class OrderIndex {
 public:
  static constexpr std::size_t kChunkHandlesMax = 512;

  /// A position in the order; valid until the index changes.
  struct Position {
    std::size_t chunk = 0;
    std::size_t slot = 0;
  };

  explicit OrderIndex(Arena& arena) : arena_(&arena) {}
  OrderIndex(const OrderIndex&) = delete;
  OrderIndex& operator=(const OrderIndex&) = delete;
  OrderIndex(OrderIndex&& other) noexcept : OrderIndex(*other.arena_) { swap(other); }
  ~OrderIndex();
  void swap(OrderIndex& other) noexcept {
    std::swap(arena_, other.arena_);
    std::swap(chunks_, other.chunks_);
    std::swap(size_, other.size_);
  }

  /// Appends an entry whose number is above all others. O(1). Returns false if there is no memory;
  /// then nothing changed.
  bool append(Handle entry);

  /// Inserts an entry, whose number must not be there yet, anywhere in the order. O(log n) plus at
  /// most 2 KiB moved. A full chunk is split first: half of it is copied to a new chunk, and the
  /// rest of the directory moves. Returns false if there is no memory; then nothing changed.
  bool insert(Handle entry);

  /// Erases the entry with that number, which must be there. O(log n) plus at most 2 KiB moved.
  /// Once in hundreds of calls a chunk leaves the directory, whose rest moves (16 bytes a chunk).
  void erase(std::uint64_t sequence);

  /// Replaces the entry with that number by another block with the same number.
  void replace(std::uint64_t sequence, Handle entry);

  /// Returns an end of the order; null if there are no entries.
  Handle first() const { return size_ == 0 ? Handle{} : at({0, 0}); }
  Handle last() const;

  /// Returns the first entry with a number >= `sequence`; O(log n).
  Position lower_bound(std::uint64_t sequence) const;
  /// Returns the entry at a position; null behind the last one.
  Handle at(Position position) const;
  Position next(Position position) const;

  /// Erases the last entry without a search; there must be one.
  void pop_last();

  std::size_t size() const { return size_; }
  /// Returns the size of the chunks in the arena and of the directory, bytes.
  std::size_t bytes() const;

 private:
  struct Chunk {
    std::uint64_t sequence_min;  ///< above all numbers in earlier chunks, at most those in this one
    Handle block;
    std::uint16_t count;
    std::uint16_t capacity;
  };

  Handle* handles(const Chunk& chunk) const { return &arena_->as<Handle>(chunk.block); }
  std::uint64_t sequence_of(Handle entry) const { return arena_->as<Entry>(entry).sequence; }
  std::size_t chunk_of(std::uint64_t sequence) const;
  std::size_t slot_of(const Chunk& chunk, std::uint64_t sequence) const;
  Position position_of(std::uint64_t sequence) const;
  bool make_room(std::uint64_t sequence);
  bool split(std::size_t index);
  bool enlarge(Chunk& chunk, std::size_t capacity);
  void remove_chunk(std::size_t index);
  bool merge_with_next(std::size_t index);

  Arena* arena_;
  std::vector<Chunk> chunks_;
  std::size_t size_ = 0;
};

}  // namespace agora
