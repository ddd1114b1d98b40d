// SPDX-License-Identifier: MIT

// The reader's side of a cell's seqlock: reads an object's content in the server's memory, and
// reads again if the server has written meanwhile.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "shared/shm/cell.hpp"
#include "shared/shm/cpu_relax.hpp"

namespace agora::shm {

/// The result of a read. Only `found` and `not_found` are facts about the object.
enum class ReadResult : std::uint8_t {
  found,
  not_found,
  contended,  ///< the server wrote during every attempt: make a call
  use_rpc,    ///< not readable here: large, with references, gone or not mapped
};

/// Attempts of a reader before it gives up.
inline constexpr int kAttemptsMax = 8;

/// Loads the sequence, and spins while it is odd. The limit of the spin doubles with each attempt
/// (exponential back-off); when it has passed, the sequence returned is still odd. A writer that
/// waits for a cache line ends its write within some hundred nanoseconds. All 8 attempts together
/// wait some microseconds, which is less than a call takes.
inline std::uint64_t spin_until_even(const Cell& cell, int attempt) {
  for (int pauses = attempt == 0 ? 0 : 1 << std::min(attempt, 5);; --pauses) {
    // Sequentially consistent: the load may not be reordered before the caller's own earlier store
    // to a shared word.
    const std::uint64_t sequence = cell.sequence.load(std::memory_order_seq_cst);
    if ((sequence & 1) == 0 || pauses <= 0) return sequence;
    cpu_relax();
  }
}

/// Calls `read()`, which returns a ReadResult, until no write overlaps it, at most 8 times. The
/// result was then true at one moment between the call of this function and its return
/// (linearizable). `read` must tolerate torn data. Its output is valid only if this function
/// returns its result.
/// @return the result of `read`; `use_rpc` if the cell is not that object's; `contended` after 8
/// attempts
template <typename Read>
ReadResult read_consistent(const Cell& cell, std::uint64_t object, Read&& read) {
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    const std::uint64_t before = spin_until_even(cell, attempt);
    if ((before & 1) != 0) continue;
    if (cell.object.load(std::memory_order_relaxed) != object) return ReadResult::use_rpc;
    const ReadResult result = read();
    // Acquire fence: the second load of the sequence may not be reordered before the reads.
    std::atomic_thread_fence(std::memory_order_acquire);
    if (cell.sequence.load(std::memory_order_relaxed) == before) return result;
  }
  return ReadResult::contended;
}

/// The longest value that a reader copies; for a longer one it calls the server. The longer a read
/// takes, the likelier a write overlaps it. Besides, tables store values of this length and above
/// outside their entries (server/storage/values.hpp).
inline constexpr std::size_t kReadableBytesMax = std::size_t{16} * 1024;

/// Calls `visit(value)`. If it returns a bool, false gives `use_rpc`; otherwise the value is found.
template <typename Visit>
ReadResult invoke_visitor(Visit& visit, std::string_view value) {
  if constexpr (std::is_void_v<decltype(visit(value))>) {
    visit(value);
    return ReadResult::found;
  } else {
    return visit(value) ? ReadResult::found : ReadResult::use_rpc;
  }
}

/// Reads the length of a container. @return `found`, `contended` or `use_rpc`
inline ReadResult read_size(const Cell& cell, std::uint64_t object, std::uint64_t& size) {
  return read_consistent(cell, object, [&] {
    size = cell.size.load(std::memory_order_relaxed);
    return ReadResult::found;
  });
}

}  // namespace agora::shm
