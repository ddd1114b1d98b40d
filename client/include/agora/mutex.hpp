// mutex: a shared lock (`m.lock(name)`), TimedLockable as the standard library says it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include <agora/any_io.hpp>
#include <agora/detail/lock_fast_path.hpp>
#include <agora/lock_grant.hpp>
#include <agora/proxy.hpp>

namespace agora {

/// One owner at a time over all processes and hosts; the owner is a thread of this process. Works
/// with std::lock_guard, std::unique_lock and std::scoped_lock. If the owner's process dies the
/// lock passes on, and the next owner is told (owner_died). It is not recursive.
///
/// A lock is lost with the session: then held() is false for good, on_lost callbacks run, unlock()
/// does nothing and release() throws session_lost. A broken connection alone loses nothing, but
/// until it is made anew nobody here can know that, and held() is false.
class mutex : public proxy {
 public:
  /// From a manager's factory; see manager::lock.
  explicit mutex(detail::Handle handle) : proxy(std::move(handle)) {}

  /// Waits, for ever, until the calling thread has the lock.
  /// @throws deadlock    waiting would close a cycle, locking twice included; it is spelled out.
  /// @throws agora::owner_died  the lock is broken (on_owner_death="break").
  void lock() const {
    if (!detail::take_open_word(handle(), detail::ObjectKind::lock)) plain().acquire(std::nullopt);
  }
  bool try_lock() const {
    return detail::take_open_word(handle(), detail::ObjectKind::lock) ||
           plain().acquire(detail::Seconds::zero());
  }
  template <typename Rep, typename Period>
  bool try_lock_for(std::chrono::duration<Rep, Period> span) const {
    return plain().acquire(detail::timeout_of(span));
  }
  template <typename Clock, typename Span>
  bool try_lock_until(std::chrono::time_point<Clock, Span> when) const {
    return try_lock_for(when - Clock::now());
  }

  /// Gives the lock back. Never throws, as lock_guard needs it: failure shows in held() before,
  /// and in on_lost.
  void unlock() const noexcept {
    if (!detail::free_own_word(handle(), detail::ObjectKind::lock)) plain().unlock();
  }
  /// Gives the lock back.
  /// @throws not_locked    nobody has it.
  /// @throws not_owner     another owner has it.
  /// @throws session_lost  this thread had it and lost it.
  void release() const { plain().release(); }

  /// The fencing token of the calling thread's grant: greater than that of every earlier grant.
  /// @throws not_locked  the calling thread has no grant. A lost one still has its token.
  std::uint64_t token() const { return plain().token(); }
  /// Whether the owner before this thread ended while it had the lock. @throws as token().
  bool owner_died() const { return plain().owner_died(); }
  /// Whether the calling thread certainly has the lock: false while the connection is broken, once
  /// the session's ttl has passed since the server's last answered sign of life, and for good
  /// after the session is lost. Looks at the connection, without waiting.
  bool held() const { return plain().held(); }
  /// Calls `callback` each time a grant of this lock in this process is lost with the session. It
  /// runs on the manager's callback thread, must not throw, and may make calls. Stays for as long
  /// as the manager; a forked child begins without.
  void on_lost(std::function<void()> callback) const { plain().on_lost(std::move(callback)); }

  /// As lock() and try_lock_for(), but gives a lock_grant, which is an owner of its own.
  template <typename Token>
  auto async_lock(Token&& token) const {
    return plain().async_acquire(std::nullopt, token);
  }
  template <typename Rep, typename Period, typename Token>
  auto async_try_lock_for(std::chrono::duration<Rep, Period> span, Token&& token) const {
    return plain().async_acquire(detail::timeout_of(span), token);
  }

  /// Whether anybody has the lock.
  bool locked() const { return read<bool>("lock.locked"); }
  template <typename Token>
  auto async_locked(Token&& token) const {
    return async_read<bool>("lock.locked", token);
  }
  /// Mends a lock that broke when its owner died.
  void reset() const { change<void>("lock.reset"); }
  template <typename Token>
  auto async_reset(Token&& token) const {
    return async_change<void>("lock.reset", token);
  }

 private:
  detail::ThreadLock plain() const { return {handle(), detail::kPlainLock}; }
};

}  // namespace agora
