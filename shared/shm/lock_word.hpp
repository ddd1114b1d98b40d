// The word of a lock that the server has lent: who holds it, and how often it has been given.
//
// While its lowest bit is clear a client on the server's host may take a free lock and give back
// its own by one compare-and-swap, and nobody else is asked. Whoever finds the bit set, or the lock
// held, calls the server, which first sets the bit: from then on only the server changes the word,
// so all who wait stand in its one line. A free word is lent again once nobody waits.
//
// Layout, from the top: count (48 bits) of all grants so far, owner (14 bits): a slot that the
// server has given to a thread, 0 for none; one bit that is not used, the server's bit.
#pragma once

#include <cstdint>

namespace agora::shm {

/// Slots are 1 to this.
inline constexpr std::uint32_t kOwnerSlotMax = (1U << 14) - 2;

struct LockWord {
  static constexpr std::uint64_t kServerBit = 1;

  std::uint64_t bits = 0;

  constexpr std::uint64_t count() const { return bits >> 16; }
  constexpr std::uint32_t owner() const { return static_cast<std::uint32_t>(bits >> 2) & 0x3fff; }
  constexpr bool with_server() const { return (bits & kServerBit) != 0; }
  /// Lent and free: may be taken.
  constexpr bool is_open() const { return (bits & 0xffff) == 0; }

  /// Lent, and that slot's.
  constexpr bool held_by(std::uint32_t slot) const { return (bits & 0xffff) == slot << 2; }

  constexpr LockWord taken_by(std::uint32_t slot) const {
    return {(count() + 1) << 16 | std::uint64_t{slot} << 2};
  }
  constexpr LockWord freed() const { return {bits & ~std::uint64_t{0xffff}}; }
  constexpr LockWord taken_back() const { return {bits | kServerBit}; }
  static constexpr LockWord of(std::uint64_t count, bool with_server) {
    return {count << 16 | (with_server ? kServerBit : 0)};
  }
};

}  // namespace agora::shm
