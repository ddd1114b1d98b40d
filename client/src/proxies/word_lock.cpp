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

/// A holder that runs is done in well under this; one that has lost its CPU may get it back.
constexpr std::chrono::microseconds kSpinFor{100};
constexpr int kPausesBetweenYields = 64;
/// After so many attempts in vain only every so many-th is made: the holder does long things.
constexpr int kMissesMax = 8;

/// A lock's word and the slot by which the calling thread is known there.
struct Mine {
  const ObjectView* view;
  std::uint32_t slot;
  std::atomic<std::uint64_t>& bits() const { return view->word<std::uint64_t>(); }
  LockWord word() const { return {bits().load(std::memory_order_acquire)}; }
  /// How often this thread has it by the word.
  std::uint32_t levels() const {
    const std::uint64_t holder = view->hold->holder.load(std::memory_order_relaxed);
    return WordHold::slot(holder) == slot ? WordHold::levels(holder) : 0;
  }
  bool holds(LockWord word) const { return word.owner() == slot && levels() > 0; }
  void set_levels(std::uint32_t levels) const {
    const std::uint64_t holder = levels == 0 ? 0 : WordHold::held(slot, levels);
    view->hold->holder.store(holder, std::memory_order_relaxed);
  }
};

bool take(const Mine& mine, LockWord word) {
  if (!word.is_open() || mine.view->hold->holder.load(std::memory_order_relaxed) != 0) {
    return false;  // see take_open_word
  }
  if (!mine.bits().compare_exchange_strong(word.bits, word.taken_by(mine.slot).bits)) return false;
  note_taken(*mine.view, word.taken_by(mine.slot));
  return true;
}

/// Yields between looks: on a busy CPU it is the holder that has to run.
bool spin_is_worthwhile(const Mine& mine) {
  thread_local int vain = 0;
  if (vain >= kMissesMax && ++vain % kMissesMax != 0) return false;
  const auto until = std::chrono::steady_clock::now() + kSpinFor;
  do {
    for (int i = 0; i < kPausesBetweenYields; ++i) {
      if (take(mine, mine.word())) {
        vain = 0;
        return true;
      }
      shm::cpu_relax();
    }
    ::sched_yield();
  } while (std::chrono::steady_clock::now() < until);
  ++vain;
  return false;
}

/// As it is now, without asking for a slot.
std::optional<Mine> find(const Handle& lock, const LockMethods& way) {
  if (way.lent == ObjectKind::other) return {};
  const ObjectView* view = lock.last_view();
  if (view == nullptr) view = lock.view();
  if (view == nullptr || view->kind != way.lent || view->hold == nullptr) return {};
  if ((view->gate->load(std::memory_order_acquire) & gate::kLives) == 0) return {};
  std::uint32_t slot = 0;
  if (!ThreadSlots::find(view->mapping_number, slot) || slot == 0) return {};
  return Mine{view, slot};
}

/// Whether the calling thread had the lock in a session that is over, and has not heard of it.
bool has_lost(const Handle& lock, const LockMethods& way) {
  const auto grant = lock.client().grants().find(lock.name(), thread_owner());
  return grant && grant->lost && grant->way == &way;
}

Grant grant_of(const Mine& mine, LockWord word) {
  Grant grant{mine.view->token_base + word.count(), false, mine.view->session, false};
  grant.levels = mine.levels();
  return grant;
}

}  // namespace

std::optional<bool> take_word(const Handle& lock, const LockMethods& way, const Timeout& timeout) {
  if (way.lent == ObjectKind::other) return {};
  // What the thread has already it has once more, whatever is under way: nobody else can see that.
  if (const auto held = way.again ? find(lock, way) : std::nullopt) {
    if (held->holds(held->word())) {
      held->set_levels(held->levels() + 1);
      return true;
    }
  }
  const ObjectView* view = lock.view();
  if (view == nullptr || view->kind != way.lent || view->hold == nullptr) return {};
  std::uint32_t slot = 0;
  if (!ThreadSlots::find(view->mapping_number, slot)) {
    slot = lock.client().acquire_slot(*view);
  }
  if (slot == 0) return {};
  // Looked at behind the view: what was lost before its session began is known by now.
  const bool lost = view->lost->load() != 0 && has_lost(lock, way);
  if (lost && way.again) return {};
  const Mine mine{view, slot};
  const LockWord word = mine.word();
  if (!take(mine, word)) {
    if (mine.holds(word)) return {};  // the server says what is wrong with that
    // Whether somebody has it, the server knows: a word may be left of one who is gone.
    if (timeout && timeout->count() <= 0) return {};
    if (way.again && lock.client().grants().find(lock.name(), thread_owner())) return {};
    if (!spin_is_worthwhile(mine)) return {};
  }
  // It has the lock anew, and with that knows as much as if a call had given it.
  if (lost) lock.client().grants().remove(lock.name(), thread_owner());
  return true;
}

void forget_word(const Handle& lock, std::uint64_t session) {
  const ObjectView* const view = lock.last_view();
  if (view == nullptr || view->hold == nullptr || view->session != session) return;
  view->hold->holder.store(0, std::memory_order_relaxed);
}

WordRelease release_word(const Handle& lock, const LockMethods& way, Grant& grant) noexcept {
  const auto mine = find(lock, way);
  if (!mine) return WordRelease::not_mine;
  LockWord word = mine->word();
  if (!mine->holds(word)) return WordRelease::not_mine;
  grant = grant_of(*mine, word);
  mine->set_levels(grant.levels - 1);
  if (grant.levels > 1) return WordRelease::once_less;
  const std::uint64_t quiet = mine->view->gate->load(std::memory_order_acquire) & ~gate::kOpen;
  while (quiet == gate::kLives && !word.with_server()) {
    if (mine->bits().compare_exchange_strong(word.bits, word.freed().bits)) {
      return WordRelease::free;
    }
  }
  return WordRelease::by_call;
}

std::optional<Grant> word_grant(const Handle& lock, const LockMethods& way) {
  const auto mine = find(lock, way);
  if (!mine) return {};
  const LockWord word = mine->word();
  if (!mine->holds(word)) return {};
  return grant_of(*mine, word);
}

void hand_over_word(const Handle& lock, const LockMethods& way) {
  auto grant = word_grant(lock, way);
  if (!grant) return;
  grant->way = &way;
  lock.client().grants().add(lock.name(), thread_owner(), *grant);
  find(lock, way)->set_levels(0);
}

}  // namespace agora::detail
