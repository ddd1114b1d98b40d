// Taking a lock by its word, the quick way: one compare-and-swap. Part of the seam below the
// proxies, no part for users; see window.hpp. What is not as simple as this is done by ThreadLock.
#pragma once

#include <atomic>
#include <cstdint>

#include <agora/handle.hpp>
#include <agora/thread_slots.hpp>

#include "shared/shm/lock_word.hpp"

namespace agora::client {

/// Takes the lock if it is lent and free and this thread has its slot.
inline bool take_open_word(const Handle& lock, ObjectKind kind) {
  const Window* const window = lock.seen_window();
  if (window == nullptr || window->kind != kind || !window->open()) return false;
  const std::uint32_t slot = ThreadSlots::quick(window->mapping_number);
  if (slot == 0) return false;
  std::atomic<std::uint64_t>& bits = window->word<std::uint64_t>();
  shm::LockWord word{bits.load(std::memory_order_relaxed)};
  if (!word.is_open()) return false;
  if (!bits.compare_exchange_strong(word.bits, word.taken_by(slot).bits)) return false;
  window->levels->store(1, std::memory_order_relaxed);
  return true;
}

/// Gives the lock back if this thread has it by the word, once, and no call has to go before.
inline bool free_own_word(const Handle& lock, ObjectKind kind) {
  const Window* const window = lock.seen_window();
  if (window == nullptr || window->kind != kind) return false;
  const std::uint64_t state = window->gate->load(std::memory_order_acquire);
  if ((state & ~gate::kOpen) != gate::kLives) return false;
  const std::uint32_t slot = ThreadSlots::quick(window->mapping_number);
  std::atomic<std::uint64_t>& bits = window->word<std::uint64_t>();
  shm::LockWord word{bits.load(std::memory_order_relaxed)};
  if (slot == 0 || !word.held_by(slot)) return false;
  if (window->levels->load(std::memory_order_relaxed) != 1) return false;
  // Before the word is free: then they are the next owner's.
  window->levels->store(0, std::memory_order_relaxed);
  if (bits.compare_exchange_strong(word.bits, word.freed().bits)) return true;
  window->levels->store(1, std::memory_order_relaxed);
  return false;
}

}  // namespace agora::client
