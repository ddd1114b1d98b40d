// SPDX-License-Identifier: MIT

// The fast path of locks: one compare-and-swap on the lock word in shared memory. ThreadLock does
// everything else. namespace agora::detail: no part of the API; see object_view.hpp.
#pragma once

#include <atomic>
#include <cstdint>

#include <agora/detail/handle.hpp>
#include <agora/detail/thread_slots.hpp>

#include "shared/shm/lock_word.hpp"

namespace agora::detail {

/// Records that the calling thread has just taken the lock, which made its word `word`.
inline void record_taken(const ObjectView& view, shm::LockWord word) {
  view.hold->count.store(word.count(), std::memory_order_relaxed);
  view.hold->holder.store(WordHold::held(word.owner(), 1), std::memory_order_relaxed);
}

/// Takes the lock if it is lent and free and this thread has an owner slot. Returns false while
/// this process has a lost or a leased grant of any lock: ThreadLock then checks its owner's.
inline bool take_free_word(const ObjectHandle& lock, ObjectKind kind) {
  const ObjectView* const view = lock.cached_view();
  if (view == nullptr || view->kind != kind || !view->open()) return false;
  const std::uint32_t slot = ThreadSlots::last(view->mapping_number);
  if (slot == 0 || view->lost->load(std::memory_order_relaxed) != 0) return false;
  // A thread of this process holds it although its word is free: the server ended the session.
  if (view->hold->holder.load(std::memory_order_relaxed) != 0) return false;
  std::atomic<std::uint64_t>& bits = view->word<std::uint64_t>();
  shm::LockWord word{bits.load(std::memory_order_relaxed)};
  if (!word.is_open()) return false;
  if (!bits.compare_exchange_strong(word.bits, word.taken_by(slot).bits)) return false;
  record_taken(*view, word.taken_by(slot));
  return true;
}

/// Releases the lock if this thread holds one level of it by the lock word, and no asynchronous
/// call of the session is under way. Returns false otherwise.
inline bool free_own_word(const ObjectHandle& lock, ObjectKind kind) {
  const ObjectView* const view = lock.cached_view();
  if (view == nullptr || view->kind != kind) return false;
  const std::uint64_t state = view->gate->load(std::memory_order_acquire);
  if ((state & ~gate::kOpen) != gate::kLives) return false;
  const std::uint32_t slot = ThreadSlots::last(view->mapping_number);
  std::atomic<std::uint64_t>& bits = view->word<std::uint64_t>();
  shm::LockWord word{bits.load(std::memory_order_relaxed)};
  if (slot == 0 || !word.held_by(slot)) return false;
  std::atomic<std::uint64_t>& holder = view->hold->holder;
  const std::uint64_t once = WordHold::held(slot, 1);
  if (holder.load(std::memory_order_relaxed) != once) return false;
  // Cleared before the word is free: from then on `holder` belongs to the next owner.
  holder.store(0, std::memory_order_relaxed);
  if (bits.compare_exchange_strong(word.bits, word.freed().bits)) return true;
  holder.store(once, std::memory_order_relaxed);
  return false;
}

}  // namespace agora::detail
