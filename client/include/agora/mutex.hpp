// SPDX-License-Identifier: MIT

// mutex: a shared lock (`m.lock(name)`), TimedLockable as in the standard library.
#pragma once

#include <agora/basic_lock.hpp>

namespace agora {

/// One owner at a time over all processes and hosts; the owner is a thread of this process. Works
/// with std::lock_guard, std::unique_lock and std::scoped_lock. If the owner's process dies the
/// lock passes on, and the next owner learns of it (owner_died). It is not recursive.
///
/// A lock is lost with the session: then held() is false for good, on_lost callbacks run, unlock()
/// does nothing and release() throws session_lost. A broken connection alone loses nothing. But
/// until it is restored this process cannot know that, and held() is false.
///
/// @code
/// agora::mutex lock = m.lock("accounts");
/// std::lock_guard hold(lock);
/// @endcode
///
/// basic_lock has its operations.
class mutex : public basic_lock<detail::kPlainLock> {
 public:
  using basic_lock::basic_lock;
};

}  // namespace agora
