// Taking a lock by its word, the quick way: one compare-and-swap. Part of the seam below the
// proxies, no part for users; see view.hpp. What is not as simple as this is done by ThreadLock.
#pragma once

#include <atomic>
#include <cstdint>

#include <agora/detail/handle.hpp>
#include <agora/detail/thread_slots.hpp>

#include "shared/shm/lock_word.hpp"

namespace agora::detail {

/// Notes that the calling thread has just taken the word as `word`.
inline void note_taken(const ObjectView& view, shm::LockWord word) {
  view.hold->count.store(word.count(), std::memory_order_relaxed);
  view.hold->holder.store(WordHold::held(word.owner(), 1), std::memory_order_relaxed);
}

/// Takes the lock if it is lent and free and this thread has its slot. Not where a lock was lost:
/// whose that was has to be told.
inline bool take_open_word(const Handle& lock, ObjectKind kind) {
  const ObjectView* const view = lock.cached_view();
  if (view == nullptr || view->kind != kind || !view->open()) return false;
  const std::uint32_t slot = ThreadSlots::quick(view->mapping_number);
  if (slot == 0 || view->lost->load(std::memory_order_relaxed) != 0) return false;
  // Had by a thread of this process, and its word free: the server has ended the session.
  if (view->hold->holder.load(std::memory_order_relaxed) != 0) return false;
  std::atomic<std::uint64_t>& bits = view->word<std::uint64_t>();
  shm::LockWord word{bits.load(std::memory_order_relaxed)};
  if (!word.is_open()) return false;
  if (!bits.compare_exchange_strong(word.bits, word.taken_by(slot).bits)) return false;
  note_taken(*view, word.taken_by(slot));
  return true;
}

/// Gives the lock back if this thread has it by the word, once, and no call has to go before.
inline bool free_own_word(const Handle& lock, ObjectKind kind) {
  const ObjectView* const view = lock.cached_view();
  if (view == nullptr || view->kind != kind) return false;
  const std::uint64_t state = view->gate->load(std::memory_order_acquire);
  if ((state & ~gate::kOpen) != gate::kLives) return false;
  const std::uint32_t slot = ThreadSlots::quick(view->mapping_number);
  std::atomic<std::uint64_t>& bits = view->word<std::uint64_t>();
  shm::LockWord word{bits.load(std::memory_order_relaxed)};
  if (slot == 0 || !word.held_by(slot)) return false;
  std::atomic<std::uint64_t>& holder = view->hold->holder;
  const std::uint64_t once = WordHold::held(slot, 1);
  if (holder.load(std::memory_order_relaxed) != once) return false;
  // Before the word is free: then it is the next owner's.
  holder.store(0, std::memory_order_relaxed);
  if (bits.compare_exchange_strong(word.bits, word.freed().bits)) return true;
  holder.store(once, std::memory_order_relaxed);
  return false;
}

}  // namespace agora::detail
