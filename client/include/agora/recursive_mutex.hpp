// recursive_mutex: a lock that its owner may take again (`m.rlock(name)`), TimedLockable.
#pragma once

#include <agora/basic_lock.hpp>

namespace agora {

/// As mutex, but its owner may take it again, and releases it as often. The levels are counted in
/// this process: only the outermost ones call the server. All levels are one grant, lost as one.
/// Taking a lost one again throws session_lost until each of its levels is released.
///
/// basic_lock has its operations.
class recursive_mutex : public basic_lock<detail::kRecursiveLock> {
 public:
  using basic_lock::basic_lock;
};

}  // namespace agora
