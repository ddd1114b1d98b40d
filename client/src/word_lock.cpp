#include "client/src/word_lock.hpp"

#include <chrono>
#include <sched.h>

#include <agora/thread_slots.hpp>

#include "client/src/client.hpp"
#include "shared/shm/lock_word.hpp"

namespace agora::client {
namespace {

using shm::LockWord;

/// A holder that runs is done in well under this; one that has lost its CPU may get it back.
constexpr std::chrono::microseconds kHope{100};
constexpr int kPausesBetweenYields = 64;
/// After so many attempts in vain only every so many-th is made: the holder does long things.
constexpr int kVainMax = 8;

/// A lock's word and the slot by which the calling thread is known there.
struct Mine {
  const Window* window;
  std::uint32_t slot;
  std::atomic<std::uint64_t>& bits() const { return window->word<std::uint64_t>(); }
  LockWord word() const { return {bits().load(std::memory_order_acquire)}; }
  bool holds(LockWord word) const {
    return word.owner() == slot && window->levels->load(std::memory_order_relaxed) > 0;
  }
};

// Only the thread that has the lock counts its levels.
std::uint32_t levels(const Mine& mine) {
  return mine.window->levels->load(std::memory_order_relaxed);
}
void set_levels(const Mine& mine, std::uint32_t levels) {
  mine.window->levels->store(levels, std::memory_order_relaxed);
}

bool take(const Mine& mine, LockWord word) {
  if (!word.is_open()) return false;
  if (!mine.bits().compare_exchange_strong(word.bits, word.taken_by(mine.slot).bits)) return false;
  set_levels(mine, 1);
  return true;
}

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// Yields between looks: on a busy CPU it is the holder that has to run.
bool hope(const Mine& mine) {
  thread_local int vain = 0;
  if (vain >= kVainMax && ++vain % kVainMax != 0) return false;
  const auto until = std::chrono::steady_clock::now() + kHope;
  do {
    for (int i = 0; i < kPausesBetweenYields; ++i) {
      if (take(mine, mine.word())) {
        vain = 0;
        return true;
      }
      pause();
    }
    ::sched_yield();
  } while (std::chrono::steady_clock::now() < until);
  ++vain;
  return false;
}

/// As it is now, without asking for a slot.
std::optional<Mine> find(const Handle& lock, const LockWay& way) {
  if (way.lent == ObjectKind::other) return {};
  const Window* window = lock.last_window();
  if (window == nullptr) window = lock.window();
  if (window == nullptr || window->kind != way.lent || window->levels == nullptr) return {};
  if ((window->gate->load(std::memory_order_acquire) & gate::kLives) == 0) return {};
  std::uint32_t slot = 0;
  if (!ThreadSlots::find(window->mapping_number, slot) || slot == 0) return {};
  return Mine{window, slot};
}

Grant grant_of(const Mine& mine, LockWord word) {
  Grant grant{mine.window->token_base + word.count(), false, mine.window->session, false};
  grant.levels = levels(mine);
  return grant;
}

}  // namespace

std::optional<bool> take_word(const Handle& lock, const LockWay& way, const Timeout& timeout) {
  if (way.lent == ObjectKind::other) return {};
  // What the thread has already it has once more, whatever is under way: nobody else can see that.
  if (const auto held = way.again ? find(lock, way) : std::nullopt) {
    if (held->holds(held->word())) {
      set_levels(*held, levels(*held) + 1);
      return true;
    }
  }
  const Window* window = lock.window();
  if (window == nullptr || window->kind != way.lent || window->levels == nullptr) return {};
  std::uint32_t slot = 0;
  if (!ThreadSlots::find(window->mapping_number, slot)) {
    slot = lock.client().owner_slot(*window);
  }
  if (slot == 0) return {};
  const Mine mine{window, slot};
  const LockWord word = mine.word();
  if (take(mine, word)) return true;
  if (mine.holds(word)) return {};  // the server says what is wrong with that
  // Whether somebody has it, the server knows: a word may be left of one who is gone.
  if (timeout && timeout->count() <= 0) return {};
  if (way.again && lock.client().grant(lock.name(), thread_owner())) return {};
  if (hope(mine)) return true;
  return {};
}

WordRelease release_word(const Handle& lock, const LockWay& way, Grant& grant) noexcept {
  const auto mine = find(lock, way);
  if (!mine) return WordRelease::not_mine;
  LockWord word = mine->word();
  if (!mine->holds(word)) return WordRelease::not_mine;
  grant = grant_of(*mine, word);
  set_levels(*mine, grant.levels - 1);
  if (grant.levels > 1) return WordRelease::once_less;
  const std::uint64_t quiet = mine->window->gate->load(std::memory_order_acquire) & ~gate::kOpen;
  while (quiet == gate::kLives && !word.with_server()) {
    if (mine->bits().compare_exchange_strong(word.bits, word.freed().bits)) {
      return WordRelease::free;
    }
  }
  return WordRelease::by_call;
}

std::optional<Grant> word_grant(const Handle& lock, const LockWay& way) {
  const auto mine = find(lock, way);
  if (!mine) return {};
  const LockWord word = mine->word();
  if (!mine->holds(word)) return {};
  return grant_of(*mine, word);
}

void hand_over_word(const Handle& lock, const LockWay& way) {
  auto grant = word_grant(lock, way);
  if (!grant) return;
  grant->way = &way;
  lock.client().granted(lock.name(), thread_owner(), *grant);
  set_levels(*find(lock, way), 0);
}

}  // namespace agora::client
