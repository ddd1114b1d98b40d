// SPDX-License-Identifier: MIT

// recursive_mutex: a lock that its owner may take again (`m.rlock(name)`), TimedLockable.
#pragma once

#include <agora/basic_lock.hpp>

namespace agora {

/// As mutex, but its owner may take it again, and must release it as often. The levels are counted
/// in this process: only the first lock and the last unlock may call the server. All levels are one
/// grant, and are lost together. Locking a lost mutex again throws session_lost until the thread
/// has released each of its levels.
///
/// basic_lock has its operations.
class recursive_mutex : public basic_lock<detail::kRecursiveLock> {
 public:
  using basic_lock::basic_lock;
};

}  // namespace agora
