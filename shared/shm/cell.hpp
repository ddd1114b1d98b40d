// Cell: what a process that maps the server's memory read-only sees of one object.
//
// Only the server writes it. Cells lie in blocks of the arena that never become anything else, so
// that whoever still knows the place of one can always look whether it is the same object's; ids
// are never used again. `sequence` is odd while the content changes, and moves with every change:
// a reader takes it, reads, and keeps what it has read only if neither it nor `object` has moved.
// A length, a version or a flag is one word and needs no such care.
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

}  // namespace agora::shm
