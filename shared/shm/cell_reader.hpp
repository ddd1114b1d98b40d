// Reading an object's content in another process's memory, by its cell: look, and look again
// whether it has changed meanwhile.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "shared/shm/cell.hpp"
#include "shared/shm/relax.hpp"

namespace agora::shm {

/// What came of it. Only `found` and `absent` say something about the object.
enum class ReadResult : std::uint8_t {
  found,
  not_found,
  contended,  ///< it changed each time; the server knows
  use_rpc,    ///< it is not to be had here: large, with references, gone, not mapped
};

/// So often a reader looks before it gives up.
inline constexpr int kTriesMax = 8;

/// The sequence, even if that comes soon. A writer that waits for a line of memory is back within
/// some hundred nanoseconds, and all 8 tries together wait some microseconds: a call takes longer.
inline std::uint64_t await_even(const Cell& cell, int tries) {
  for (int pauses = tries == 0 ? 0 : 1 << std::min(tries, 5);; --pauses) {
    // Sequentially consistent: it may not be done before a store to a shared word that is due.
    const std::uint64_t sequence = cell.sequence.load(std::memory_order_seq_cst);
    if ((sequence & 1) == 0 || pauses <= 0) return sequence;
    relax();
  }
}

/// Calls `read()`, which returns a ReadResult, until nothing has changed while it ran; what it says
/// then was true at one moment since this was called. It may be called up to 8 times, and whatever
/// it reads of the object may be torn: it must survive that, and its results only count with the
/// ReadResult that this returns. @return also `elsewhere` if the cell is not that object's, `busy`
/// after 8 tries.
template <typename Read>
ReadResult read_steady(const Cell& cell, std::uint64_t object, Read&& read) {
  for (int tries = 0; tries < kTriesMax; ++tries) {
    const std::uint64_t before = await_even(cell, tries);
    if ((before & 1) != 0) continue;
    if (cell.object.load(std::memory_order_relaxed) != object) return ReadResult::use_rpc;
    const ReadResult look = read();
    std::atomic_thread_fence(std::memory_order_acquire);
    if (cell.sequence.load(std::memory_order_relaxed) == before) return look;
  }
  return ReadResult::contended;
}

/// Longer values are for the server: in tables they rest outside of their entries from there on
/// (server/storage/values.hpp), and the longer a read takes, the likelier it is in vain.
inline constexpr std::size_t kReadableBytesMax = std::size_t{16} * 1024;

/// Calls `take`; what it says, if it says anything, is whether the value is found.
template <typename Take>
ReadResult hand_over(Take& take, std::string_view value) {
  if constexpr (std::is_void_v<decltype(take(value))>) {
    take(value);
    return ReadResult::found;
  } else {
    return take(value) ? ReadResult::found : ReadResult::use_rpc;
  }
}

/// The length of a container. @return `found`, `busy` or `elsewhere`.
inline ReadResult read_size(const Cell& cell, std::uint64_t object, std::uint64_t& size) {
  return read_steady(cell, object, [&] {
    size = cell.size.load(std::memory_order_relaxed);
    return ReadResult::found;
  });
}

}  // namespace agora::shm
