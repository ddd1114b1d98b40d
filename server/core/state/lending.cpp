// SPDX-License-Identifier: MIT

#include "server/core/state/lending.hpp"

#include <algorithm>
#include <utility>

namespace agora {
namespace {

/// Half of the count's range in a lock word: with a grant every 10 ns, 16 days before overflow.
constexpr std::uint64_t kCountMax = std::uint64_t{1} << 47;

}  // namespace

bool Lending::has_slot_for(SessionId session) const {
  const auto of = slots_of_.find(session);
  if (of != slots_of_.end() && of->second.size() >= session_slots_max_) return false;
  return !free_slots_.empty() || slots_.size() <= shm::kOwnerSlotMax;
}

std::uint32_t Lending::acquire_slot(SessionId session, std::string_view owner) {
  if (!has_slot_for(session)) reclaim_released_slots();
  if (!has_slot_for(session)) return 0;
  std::uint32_t number = 0;
  if (!free_slots_.empty()) {
    number = free_slots_.back();
    free_slots_.pop_back();
  } else {
    number = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  }
  slots_[number] = {session, std::string{owner}, true, false};
  slots_of_[session].push_back(number);
  return number;
}

void Lending::release_slot(SessionId session, std::uint32_t slot) {
  const auto of = slots_of_.find(session);
  if (of == slots_of_.end()) return;
  const bool its = std::find(of->second.begin(), of->second.end(), slot) != of->second.end();
  if (!its) return;
  if (!std::exchange(slots_[slot].released, true)) released_slots_.push_back(slot);
  reclaim_released_slots();
}

/// Returns, for each slot, whether a lock word names it.
std::vector<bool> Lending::slots_in_lock_words() const {
  std::vector<bool> named(shm::kOwnerSlotMax + 2);
  for (const LockWordPlace& lock : lock_words_) {
    named[shm::LockWord{words_.load(lock.word)}.owner()] = true;
  }
  return named;
}

/// Frees released slots that no lock word names any more.
void Lending::reclaim_released_slots() {
  if (released_slots_.empty()) return;
  const std::vector<bool> named = slots_in_lock_words();
  std::erase_if(released_slots_, [&](std::uint32_t slot) {
    if (named[slot]) return false;
    std::erase(slots_of_[slots_[slot].session], slot);
    slots_[slot] = {};
    free_slots_.push_back(slot);
    return true;
  });
}

const Lending::OwnerSlot* Lending::owner_of(std::uint32_t slot) const {
  return slot < slots_.size() && slots_[slot].in_use ? &slots_[slot] : nullptr;
}

std::optional<WordPlace> Lending::lock_word(ObjectId lock) {
  const auto word = words_.allocate_word();
  if (!word) return std::nullopt;
  // A count that a client corrupted for one lock must not overflow in the next.
  if (shm::LockWord{words_.load(*word)}.count() > kCountMax) words_.store(*word, 0);
  lock_index_[lock] = lock_words_.size();
  lock_words_.push_back({lock, *word});
  return word;
}

std::vector<ObjectId> Lending::held_by(SessionId session) const {
  std::vector<ObjectId> held;
  if (!slots_of_.contains(session)) return held;
  for (const LockWordPlace& lock : lock_words_) {
    const OwnerSlot* owner = owner_of(shm::LockWord{words_.load(lock.word)}.owner());
    if (owner != nullptr && owner->session == session) held.push_back(lock.lock);
  }
  return held;
}

void Lending::locate(SessionId session, ObjectId object) {
  ++located_words_[object].times;
  ++located_by_[session][object];
}

void Lending::unlocate(SessionId session, ObjectId object) {
  const auto by = located_by_.find(session);
  if (by == located_by_.end()) return;
  const auto times = by->second.find(object);
  if (times == by->second.end()) return;
  if (--times->second == 0) by->second.erase(times);
  forget(object, 1);
}

void Lending::free_word(ObjectId object, WordPlace first, std::size_t bytes) {
  if (const auto index = lock_index_.find(object); index != lock_index_.end()) {
    lock_words_[index->second] = lock_words_.back();
    lock_index_[lock_words_.back().lock] = index->second;
    lock_words_.pop_back();
    lock_index_.erase(object);
  }
  const auto known = located_words_.find(object);
  if (known == located_words_.end()) return free({0, true, first, bytes});
  known->second = {known->second.times, true, first, bytes};
}

void Lending::session_ended(SessionId session, bool dead) {
  std::erase_if(released_slots_,
                [&](std::uint32_t slot) { return slots_[slot].session == session; });
  // A process that still maps the words may write: its slots and places stay in use.
  if (dead) {
    if (const auto of = slots_of_.find(session); of != slots_of_.end()) {
      for (const std::uint32_t slot : of->second) {
        slots_[slot] = {};
        free_slots_.push_back(slot);
      }
    }
    if (const auto by = located_by_.find(session); by != located_by_.end()) {
      for (const auto& [object, times] : by->second) forget(object, times);
    }
  }
  slots_of_.erase(session);
  located_by_.erase(session);
}

void Lending::forget(ObjectId object, std::uint64_t times) {
  const auto known = located_words_.find(object);
  known->second.times -= times;
  if (known->second.times > 0) return;
  if (known->second.deleted) free(known->second);
  located_words_.erase(known);
}

void Lending::free(const LocatedWords& known) {
  known.bytes == 0 ? words_.free_word(known.first) : words_.free(known.first, known.bytes);
}

}  // namespace agora
