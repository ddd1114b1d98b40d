// mutex: a shared lock (`m.lock(name)`), TimedLockable as the standard library says it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <utility>

#include <agora/any_io.hpp>
#include <agora/proxy.hpp>

namespace agora {

/// One owner at a time over all processes and hosts; the owner is a thread of this process. Works
/// with std::lock_guard, std::unique_lock and std::scoped_lock. If the owner's process dies the
/// lock passes on, and the next owner is told (owner_died). It is not recursive.
///
/// A lock is lost when the connection to the server is lost while it is held: then held() is
/// false, on_lost callbacks run, unlock() does nothing and release() throws session_lost.
class mutex : public proxy {
 public:
  /// From a manager's factory; see manager::lock.
  explicit mutex(client::Handle handle) : proxy(std::move(handle)) {}

  /// Waits, for ever, until the calling thread has the lock.
  /// @throws deadlock    waiting would close a cycle, where the server detects that (agorad 0.1
  ///                     does not: a thread that locks twice waits).
  /// @throws agora::owner_died  the lock is broken (on_owner_death="break").
  void lock() const;
  bool try_lock() const { return acquire(client::Seconds::zero()); }
  template <typename Rep, typename Period>
  bool try_lock_for(std::chrono::duration<Rep, Period> span) const {
    return acquire(client::timeout_of(span));
  }
  template <typename Clock, typename Span>
  bool try_lock_until(std::chrono::time_point<Clock, Span> when) const {
    return try_lock_for(when - Clock::now());
  }

  /// Gives the lock back. Never throws, as lock_guard needs it: failure shows in held() before,
  /// and in on_lost.
  void unlock() const noexcept;
  /// Gives the lock back.
  /// @throws not_locked    nobody has it.
  /// @throws not_owner     another owner has it.
  /// @throws session_lost  this thread had it and lost it.
  void release() const;

  /// The fencing token of the calling thread's grant: greater than that of every earlier grant.
  /// @throws not_locked  the calling thread has no grant. A lost one still has its token.
  std::uint64_t token() const;
  /// Whether the owner before this thread ended while it had the lock. @throws as token().
  bool owner_died() const;
  /// Whether the calling thread has the lock and the connection lives. Looks at the connection,
  /// without waiting; it may be what notices a loss, and then runs the callbacks.
  bool held() const;
  /// Calls `callback` each time a thread of this process loses this lock with the connection. It
  /// runs on the thread that notices, inside whatever call that thread makes; it must not throw,
  /// and may make calls. Stays for as long as the manager; a forked child begins without.
  void on_lost(std::function<void()> callback) const;

  /// Whether anybody has the lock.
  bool locked() const { return read<bool>("lock.locked"); }
  /// Mends a lock that broke when its owner died.
  void reset() const { change<void>("lock.reset"); }

 private:
  bool acquire(const client::Timeout& timeout) const;
};

}  // namespace agora
