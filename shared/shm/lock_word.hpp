// SPDX-License-Identifier: MIT

// LockWord: the shared word of a lent lock: its owner, and the number of grants so far.
//
// A lent lock is a delegation, as in NFSv4. While the server's bit (the lowest) is clear, a client
// on the server's host acquires a free lock and releases its own by one compare-and-swap, without a
// call. A client that finds the bit set, or the lock held, calls the server. The server recalls the
// lock: it sets the bit, and from then on only the server changes the word, so all waiters queue in
// one FIFO at the server. The server lends a free lock again when no call waits for it.
//
// Layout, from the top: count (48 bits) of all grants so far; owner (14 bits), the owner slot of a
// thread, 0 if the lock is free; one unused bit; the server's bit.
#pragma once

#include <cstdint>

namespace agora::shm {

/// Owner slots are 1 to this number.
inline constexpr std::uint32_t kOwnerSlotMax = (1U << 14) - 2;

struct LockWord {
  static constexpr std::uint64_t kServerBit = 1;

  std::uint64_t bits = 0;

  /// Returns the number of grants so far. Added to a base that the server sends with the location
  /// of the lock, it is the fencing token of the last grant.
  constexpr std::uint64_t count() const { return bits >> 16; }
  constexpr std::uint32_t owner() const { return static_cast<std::uint32_t>(bits >> 2) & 0x3fff; }
  constexpr bool with_server() const { return (bits & kServerBit) != 0; }
  /// Returns true if the lock is lent and free: a client may acquire it.
  constexpr bool is_open() const { return (bits & 0xffff) == 0; }

  /// Returns true if the lock is lent, and held by that owner slot.
  constexpr bool held_by(std::uint32_t slot) const { return (bits & 0xffff) == slot << 2; }

  constexpr LockWord taken_by(std::uint32_t slot) const {
    return {(count() + 1) << 16 | std::uint64_t{slot} << 2};
  }
  constexpr LockWord freed() const { return {bits & ~std::uint64_t{0xffff}}; }
  constexpr LockWord recalled() const { return {bits | kServerBit}; }
  static constexpr LockWord of(std::uint64_t count, bool with_server) {
    return {count << 16 | (with_server ? kServerBit : 0)};
  }
};

}  // namespace agora::shm
