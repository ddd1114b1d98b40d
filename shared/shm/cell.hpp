// Cell: what a process that maps the server's memory read-only sees of one object.
//
// Only the server writes it. Cells lie in blocks of the arena that never become anything else, so
// that whoever still knows the place of one can always look whether it is the same object's; ids
// are never used again. `sequence` is odd while the content changes, and moves with every change:
// a reader takes it, reads, and keeps what it has read only if neither it nor `object` has moved.
// A length or a flag is one word, but within a transaction it may be the old one, so it is read
// with the same care.
#pragma once

#include <atomic>
#include <cstdint>

namespace agora::shm {

struct alignas(64) Cell {
  std::atomic<std::uint64_t> object;    ///< the object's id; 0: there is none here (any more)
  std::atomic<std::uint64_t> sequence;  ///< odd: the content is being changed
  std::atomic<std::uint64_t> version;   ///< as object.version says
  std::atomic<std::uint64_t> size;      ///< len or size; of an event: 1 if it is set
  std::atomic<std::uint64_t> shape;     ///< where the content lies; each type's own
  std::atomic<std::uint64_t> spare[3];
};
static_assert(sizeof(Cell) == 64 && std::atomic<std::uint64_t>::is_always_lock_free);

/// Whether a change has begun and not ended. Only the server.
inline bool in_change(const Cell& cell) {
  return (cell.sequence.load(std::memory_order_relaxed) & 1) != 0;
}

/// Before the first write of a change; a cell that is in the midst of one stays so. Only the
/// server.
inline void begin_change(Cell& cell) {
  const std::uint64_t sequence = cell.sequence.load(std::memory_order_relaxed);
  cell.sequence.store(sequence | 1, std::memory_order_relaxed);
  // A reader that has met anything written from here on finds the odd number, too.
  std::atomic_thread_fence(std::memory_order_release);
}

/// After the last write of a change, which must have begun.
inline void end_change(Cell& cell) {
  const std::uint64_t sequence = cell.sequence.load(std::memory_order_relaxed);
  cell.sequence.store(sequence + 1, std::memory_order_release);
}

}  // namespace agora::shm
