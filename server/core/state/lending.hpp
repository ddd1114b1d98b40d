// SPDX-License-Identifier: MIT

// Lending: the shared words that clients on the server's host use without the server: the threads
// that have owner slots, the places of words, and the sessions that have located them.
//
// A lock word names the thread that holds the lock by its owner slot, a small number.
//
// A client that maps the words (session.map) gets the place of an object's words by session.locate.
// From then on its threads may access them at any time. So the words of a deleted object are reused
// only after every session that located them has unlocated them or has ended.
//
// Slots and places are freed at the end of the session, if its process can no longer write: the
// client has closed the session or unmapped the words, or the process is dead. If the server ends a
// session whose process still maps the words, its slots and places are never reused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "server/storage/words.hpp"
#include "shared/base/ids.hpp"
#include "shared/base/limits.hpp"
#include "shared/shm/lock_word.hpp"

namespace agora {

class Lending {
 public:
  /// @param session_slots_max  see Limits
  explicit Lending(ExtentSource& words, std::size_t session_slots_max = Limits{}.session_slots_max)
      : session_slots_max_(session_slots_max), words_(words) {}

  Words& words() { return words_; }
  const Words& words() const { return words_; }

  /// The thread of a session for which a number in lock words stands.
  struct OwnerSlot {
    SessionId session;
    std::string owner;  ///< the thread's `owner` text in calls
    bool in_use = false;
    bool released = false;  ///< to be freed once no lock word names it
  };
  /// Returns a slot for that owner, 1 to kOwnerSlotMax; 0 if all slots are in use, or all that the
  /// session may have. Cost: O(1), or O(lock words) if no slot is free.
  std::uint32_t acquire_slot(SessionId session, std::string_view owner);
  /// Releases the slot of a thread that ends. It is free once no lock word names it, which is
  /// checked now and whenever slots run out. Cost: O(lock words).
  void release_slot(SessionId session, std::uint32_t slot);
  /// Returns the owner with that slot; null if there is none (a hostile client can write any number
  /// into a word).
  const OwnerSlot* owner_of(std::uint32_t slot) const;

  /// Allocates the lock word of a lock that is located for the first time, and lists it for
  /// `held_by`. Returns nullopt if there is no memory.
  std::optional<WordPlace> lock_word(ObjectId lock);
  /// Returns the locks whose words name a slot of that session. O(lock words).
  std::vector<ObjectId> held_by(SessionId session) const;
  /// Calls `visit(SessionId, ObjectId)` for each lock that a thread holds in shared memory. O(lock
  /// words).
  template <typename Visit>
  void each_held(Visit&& visit) const {
    for (const LockWordPlace& lock : lock_words_) {
      const OwnerSlot* owner = owner_of(shm::LockWord{words_.load(lock.word)}.owner());
      if (owner != nullptr) visit(owner->session, lock.lock);
    }
  }

  /// Records that the session has located the object's words; each call counts.
  void locate(SessionId session, ObjectId object);
  /// Undoes one locate.
  void unlocate(SessionId session, ObjectId object);
  /// Frees the words of a deleted object, `bytes` from `first` on, as soon as no session has
  /// located them. With 0 bytes `first` is the word of a lock.
  void free_word(ObjectId object, WordPlace first, std::size_t bytes);

  /// Ends a session.
  /// @param dead  its process can no longer write to words
  void session_ended(SessionId session, bool dead);

 private:
  struct LockWordPlace {
    ObjectId lock;
    WordPlace word;
  };
  struct LocatedWords {
    std::uint64_t times = 0;  ///< how often all sessions together have located them
    bool deleted = false;     ///< `first` and `bytes` are to be freed
    WordPlace first = 0;
    std::size_t bytes = 0;
  };

  bool has_slot_for(SessionId session) const;
  std::vector<bool> slots_in_lock_words() const;
  void reclaim_released_slots();
  void forget(ObjectId object, std::uint64_t times);
  void free(const LocatedWords& known);

  const std::size_t session_slots_max_;
  Words words_;
  std::vector<OwnerSlot> slots_{1};  // by number; 0 means no owner
  std::vector<std::uint32_t> free_slots_;
  std::vector<std::uint32_t> released_slots_;  // not free yet
  std::map<SessionId, std::vector<std::uint32_t>> slots_of_;
  std::vector<LockWordPlace> lock_words_;
  std::unordered_map<ObjectId, std::size_t> lock_index_;  // into lock_words_
  std::unordered_map<ObjectId, LocatedWords> located_words_;
  std::map<SessionId, std::map<ObjectId, std::uint64_t>> located_by_;
};

}  // namespace agora
