// SPDX-License-Identifier: MIT

// Lent locks: a thread takes and releases them by the lock word in shared memory, without a call.
// The protocol of the word is in shared/shm/lock_word.hpp. Any thread may call these; the calling
// thread is the owner.
#pragma once

#include <cstdint>
#include <optional>

#include <agora/lock_grant.hpp>

#include "client/src/client/grants.hpp"

namespace agora::detail {

/// Takes the lock if that needs no call. If the lock is held this spins for at most a tenth of a
/// millisecond, and less often after misses (adaptive spinning).
/// @return true if the caller has the lock now; nullopt if it has to call the server.
std::optional<bool> take_word(const ObjectHandle& lock, const LockMethods& methods,
                              const Timeout& timeout);

enum class WordRelease : std::uint8_t {
  not_held,   ///< the thread has not taken it by the word
  one_level,  ///< released one level; the thread still has it
  free,       ///< released
  by_call,    ///< the caller must release it by a call: the lock is recalled, or calls are pending
};
/// Releases one level if the thread has taken the lock by the word. Stores its grant in `grant`;
/// the caller of by_call needs it.
WordRelease release_word(const ObjectHandle& lock, const LockMethods& methods,
                         Grant& grant) noexcept;

/// Clears the hold by the word. Call it after a call has granted the lock in that session: then no
/// thread of this process can still have it by the word.
void forget_word(const ObjectHandle& lock, std::uint64_t session);

/// Returns the grant of the calling thread if it has the lock by the word.
std::optional<Grant> word_grant(const ObjectHandle& lock, const LockMethods& methods);

/// Turns a hold by the word into a grant of the session, as if a call had granted it. Call it
/// before a call that uses the grant on the server.
void hand_over_word(const ObjectHandle& lock, const LockMethods& methods);

}  // namespace agora::detail
