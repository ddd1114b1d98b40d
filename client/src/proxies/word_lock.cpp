// SPDX-License-Identifier: MIT

#include "client/src/proxies/word_lock.hpp"

#include <chrono>
#include <sched.h>

#include <agora/detail/lock_fast_path.hpp>
#include <agora/detail/thread_slots.hpp>

#include "client/src/client/client.hpp"
#include "shared/shm/cpu_relax.hpp"
#include "shared/shm/lock_word.hpp"

namespace agora::detail {
namespace {

using shm::LockWord;

/// The spin limit. A holder that runs releases in well under this time; a preempted holder may get
/// its CPU back within it.
constexpr std::chrono::microseconds kSpinFor{100};
constexpr int kPausesBetweenYields = 64;
/// Adaptive spinning: after this many misses in a row, only one acquisition in this many spins,
/// since the holder does long work.
constexpr int kMissesMax = 8;

/// A lock's word and the calling thread's owner slot in it.
struct OwnWord {
  const ObjectView* view;
  std::uint32_t slot;
  std::atomic<std::uint64_t>& bits() const { return view->word<std::uint64_t>(); }
  LockWord word() const { return {bits().load(std::memory_order_acquire)}; }
  /// Returns how many levels of the lock this thread has taken by the word.
  std::uint32_t levels() const {
    const std::uint64_t holder = view->hold->holder.load(std::memory_order_relaxed);
    return WordHold::slot(holder) == slot ? WordHold::levels(holder) : 0;
  }
  bool owns(LockWord word) const { return word.owner() == slot; }
  bool holds(LockWord word) const { return owns(word) && levels() > 0; }
  void set_levels(std::uint32_t levels) const {
    const std::uint64_t holder = levels == 0 ? 0 : WordHold::held(slot, levels);
    view->hold->holder.store(holder, std::memory_order_relaxed);
  }
};

bool take(const OwnWord& own, LockWord word) {
  if (!word.is_open() || own.view->hold->holder.load(std::memory_order_relaxed) != 0) {
    return false;  // see take_free_word
  }
  if (!own.bits().compare_exchange_strong(word.bits, word.taken_by(own.slot).bits)) return false;
  record_taken(*own.view, word.taken_by(own.slot));
  return true;
}

/// Spins until this thread has the lock or the limit is reached. Yields between attempts, so that
/// the holder can run on a busy CPU.
bool spin_for_lock(const OwnWord& own) {
  thread_local int misses = 0;
  if (misses >= kMissesMax && ++misses % kMissesMax != 0) return false;
  const auto until = std::chrono::steady_clock::now() + kSpinFor;
  do {
    for (int i = 0; i < kPausesBetweenYields; ++i) {
      if (take(own, own.word())) {
        misses = 0;
        return true;
      }
      shm::cpu_relax();
    }
    ::sched_yield();
  } while (std::chrono::steady_clock::now() < until);
  ++misses;
  return false;
}

/// Returns the lock's word and the thread's owner slot if it has one; never asks the server for
/// one.
std::optional<OwnWord> find(const ObjectHandle& lock, const LockMethods& methods) {
  if (methods.lent == ObjectKind::other) return {};
  const ObjectView* view = lock.last_view();
  if (view == nullptr) view = lock.view();
  if (view == nullptr || view->kind != methods.lent || view->hold == nullptr) return {};
  if ((view->gate->load(std::memory_order_acquire) & gate::kLives) == 0) return {};
  std::uint32_t slot = 0;
  if (!ThreadSlots::find(view->mapping_number, slot) || slot == 0) return {};
  return OwnWord{view, slot};
}

/// Returns true if the calling thread has a grant that the server may have ended: it was lost with
/// an earlier session, or it has a lease.
bool has_lost(const ObjectHandle& lock, const LockMethods& methods) {
  const auto grant = lock.client().grants().find(lock.name(), thread_owner());
  return grant && grant->may_have_ended() && grant->way == &methods;
}

Grant grant_of(const OwnWord& own, LockWord word) {
  Grant grant{own.view->token_base + word.count(), false, own.view->session, false};
  grant.levels = own.levels();
  return grant;
}

}  // namespace

std::optional<bool> take_word(const ObjectHandle& lock, const LockMethods& methods,
                              const Timeout& timeout) {
  if (methods.lent == ObjectKind::other) return {};
  // A further level of a lock that the thread holds needs no open view: no other thread can see it.
  if (const auto held = methods.recursive ? find(lock, methods) : std::nullopt) {
    if (held->holds(held->word())) {
      held->set_levels(held->levels() + 1);
      return true;
    }
  }
  const ObjectView* view = lock.view();
  if (view == nullptr || view->kind != methods.lent || view->hold == nullptr) return {};
  std::uint32_t slot = 0;
  if (!ThreadSlots::find(view->mapping_number, slot)) {
    slot = lock.client().acquire_slot(*view);
  }
  if (slot == 0) return {};
  // Read `lost` after the view: losses before the start of the view's session are counted by then.
  const bool lost = view->lost->load() != 0 && has_lost(lock, methods);
  if (lost && methods.recursive) return {};
  const OwnWord own{view, slot};
  const LockWord word = own.word();
  if (!take(own, word)) {
    if (own.holds(word)) return {};  // held twice: the server replies with the error
    // Only the server knows whether the lock is really held: the owner in the word may be dead.
    if (timeout && timeout->count() <= 0) return {};
    if (methods.recursive && lock.client().grants().find(lock.name(), thread_owner())) return {};
    if (!spin_for_lock(own)) return {};
  }
  // The new grant replaces the lost one, as record() does after a call. A leased one is over if the
  // word was free.
  if (lost) lock.client().grants().remove(lock.name(), thread_owner());
  return true;
}

void forget_word(const ObjectHandle& lock, std::uint64_t session) {
  const ObjectView* const view = lock.last_view();
  if (view == nullptr || view->hold == nullptr || view->session != session) return;
  view->hold->holder.store(0, std::memory_order_relaxed);
}

WordRelease release_word(const ObjectHandle& lock, const LockMethods& methods,
                         Grant& grant) noexcept {
  const auto own = find(lock, methods);
  if (!own) return WordRelease::not_held;
  LockWord word = own->word();
  if (own->levels() == 0) return WordRelease::not_held;
  grant = grant_of(*own, word);
  own->set_levels(grant.levels - 1);
  // The server swept the word because it has ended this session, and the client has not heard of it
  // yet. The call in that session reports the loss.
  if (!own->owns(word)) {
    grant.token = 0;  // the count in the word is no longer that of this grant
    return WordRelease::by_call;
  }
  if (grant.levels > 1) return WordRelease::one_level;
  const std::uint64_t quiet = own->view->gate->load(std::memory_order_acquire) & ~gate::kOpen;
  while (own->owns(word) && quiet == gate::kLives && !word.with_server()) {
    if (own->bits().compare_exchange_strong(word.bits, word.freed().bits)) {
      return WordRelease::free;
    }
  }
  return WordRelease::by_call;
}

std::optional<Grant> word_grant(const ObjectHandle& lock, const LockMethods& methods) {
  const auto own = find(lock, methods);
  if (!own) return {};
  const LockWord word = own->word();
  if (!own->holds(word)) return {};
  return grant_of(*own, word);
}

void hand_over_word(const ObjectHandle& lock, const LockMethods& methods) {
  auto grant = word_grant(lock, methods);
  if (!grant) return;
  grant->way = &methods;
  lock.client().grants().add(lock.name(), thread_owner(), *grant);
  find(lock, methods)->set_levels(0);
}

}  // namespace agora::detail
