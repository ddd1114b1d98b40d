// SPDX-License-Identifier: MIT

// Cell: the seqlock-protected record of one object, in memory that clients map read-only.
//
// A seqlock: only the server writes a cell. `sequence` is odd while a write is in progress and
// grows with every write. A reader loads it, copies the content, and discards the copy unless
// `sequence` and `object` are unchanged afterwards. Readers do so even for a length or a flag,
// which is a single word: while a transaction runs, the word may still have its old value.
//
// Cells lie in arena blocks that are never used for anything else, and object ids are never reused.
// A stale pointer to a cell therefore always points to a cell, and its `object` tells the reader
// whether the cell was reused.
#pragma once

#include <atomic>
#include <cstdint>

namespace agora::shm {

struct alignas(64) Cell {
  std::atomic<std::uint64_t> object;    ///< the object's id; 0: the cell is free
  std::atomic<std::uint64_t> sequence;  ///< of the seqlock; odd: a write is in progress
  std::atomic<std::uint64_t> version;   ///< the version that object.version returns
  std::atomic<std::uint64_t> size;      ///< length of a container; of an event: 1 if it is set
  std::atomic<std::uint64_t> shape;     ///< location of the content; depends on the type
  std::atomic<std::uint64_t> spare[3];
};
static_assert(sizeof(Cell) == 64 && std::atomic<std::uint64_t>::is_always_lock_free);

/// Returns true between begin_write() and end_write(). For the server only.
inline bool write_in_progress(const Cell& cell) {
  return (cell.sequence.load(std::memory_order_relaxed) & 1) != 0;
}

/// Makes the sequence odd before the first store of a write; nested calls have no further effect.
/// For the server only.
inline void begin_write(Cell& cell) {
  const std::uint64_t sequence = cell.sequence.load(std::memory_order_relaxed);
  cell.sequence.store(sequence | 1, std::memory_order_relaxed);
  // Release fence: a reader that has seen any store from here on also sees the odd number, since it
  // loads the sequence again behind an acquire fence.
  std::atomic_thread_fence(std::memory_order_release);
}

/// Makes the sequence even after the last store of a write. @pre write_in_progress(cell)
inline void end_write(Cell& cell) {
  const std::uint64_t sequence = cell.sequence.load(std::memory_order_relaxed);
  cell.sequence.store(sequence + 1, std::memory_order_release);
}

}  // namespace agora::shm
