// Lending: what programs on the server's host may touch without asking: whose threads have owner
// slots, which words lie where, and who may still know the place of one.
//
// A program that maps the words (session.map) learns the place of an object's words by
// session.locate. From then on a thread of it may be about to touch them at any moment, so the
// place of a deleted object is used again only after every session that located it has let it go
// or has ended. An owner slot is the name of a thread in lock words. Both come back when a session
// ends by its own word or with its process; a session that was ended while its process lives may
// still write, so its slots and places are never used again.
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

  /// A thread of a session, as it is named in lock words.
  struct Slot {
    SessionId session;
    std::string owner;  ///< what the thread calls itself in calls
    bool in_use = false;
    bool left = false;  ///< its thread has ended, while a lock's word had it
  };
  /// A slot for that owner, 1 to kOwnerSlotMax; 0: none is left, or that session has its share.
  /// Cost: O(1); where none is left O(locks that were ever located).
  std::uint32_t give_slot(SessionId session, std::string_view owner);
  /// The thread ends: its slot can be another's, once no lock word has it any more: looked at now,
  /// and whenever slots run out. Cost: O(locks that were ever located).
  void take_slot(SessionId session, std::uint32_t slot);
  /// Who that is; null if nobody (a hostile program can write anything into a word).
  const Slot* owner_of(std::uint32_t slot) const;

  /// The word of a lock, kept in mind for `held_by`. Nothing: no memory.
  std::optional<WordPlace> lock_word(ObjectId lock);
  /// The locks whose words name a slot of that session. O(locks that were ever located).
  std::vector<ObjectId> held_by(SessionId session) const;

  /// The session knows the place of that object's words from now on; counted.
  void located(SessionId session, ObjectId object);
  /// It has forgotten one time that it located it.
  void unlocate(SessionId session, ObjectId object);
  /// The object is gone, and `bytes` from `first` on are to be used again as soon as nobody can
  /// touch them; 0 bytes: `first` is the word of a lock.
  void free_word(ObjectId object, WordPlace first, std::size_t bytes);

  /// The session is over. `dead`: nothing of it can touch a word any more.
  void ended(SessionId session, bool dead);

 private:
  struct LockPlace {
    ObjectId lock;
    WordPlace word;
  };
  struct Known {
    std::uint64_t times = 0;  ///< located, over all sessions
    bool gone = false;
    WordPlace first = 0;
    std::size_t bytes = 0;
  };

  bool has_slot_for(SessionId session) const;
  std::vector<bool> slots_named() const;
  void take_left_slots();
  void forget(ObjectId object, std::uint64_t times);
  void free(const Known& known);

  const std::size_t session_slots_max_;
  Words words_;
  std::vector<Slot> slots_{1};  // by number; 0 is nobody
  std::vector<std::uint32_t> free_slots_;
  std::vector<std::uint32_t> left_slots_;  // whose threads have ended
  std::map<SessionId, std::vector<std::uint32_t>> slots_of_;
  std::vector<LockPlace> lock_words_;
  std::unordered_map<ObjectId, std::size_t> lock_index_;  // into lock_words_
  std::unordered_map<ObjectId, Known> known_;
  std::map<SessionId, std::map<ObjectId, std::uint64_t>> located_by_;
};

}  // namespace agora
