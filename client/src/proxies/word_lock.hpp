// Locks by their word: what a thread does with a lock that the server has lent, without a call.
// The rules of the word are in shared/shm/lock_word.hpp. Any thread; the owner is the caller.
#pragma once

#include <cstdint>
#include <optional>

#include <agora/lock_grant.hpp>

#include "client/src/client/grants.hpp"

namespace agora::detail {

/// Takes the lock if that needs no call. Somewhat later it may not need one: while there is hope
/// this tries again, for a tenth of a millisecond at most.
/// @return whether it has it now; nothing: the server must be asked.
std::optional<bool> take_word(const Handle& lock, const LockMethods& way, const Timeout& timeout);

enum class WordRelease : std::uint8_t {
  not_mine,   ///< the thread has not taken it by the word
  once_less,  ///< it has it still, one time less
  free,       ///< given back
  by_call,    ///< the server must be told: it has the word, or calls before this are unanswered
};
/// Gives it back, or says why not. @param grant  gets what was, or is to be, given back
WordRelease release_word(const Handle& lock, const LockMethods& way, Grant& grant) noexcept;

/// A call has given the lock to somebody in that session: no thread of this process has it by the
/// word, whatever became of the one that had.
void forget_word(const Handle& lock, std::uint64_t session);

/// The grant of the calling thread, if it has the lock by the word.
std::optional<Grant> word_grant(const Handle& lock, const LockMethods& way);

/// The server is about to do something with the grant: from now on it is one that a call gave.
void hand_over_word(const Handle& lock, const LockMethods& way);

}  // namespace agora::detail
