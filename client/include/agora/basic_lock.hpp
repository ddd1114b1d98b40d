// SPDX-License-Identifier: MIT

// basic_lock: the operations that mutex and recursive_mutex have in common.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <utility>

#include <agora/any_io.hpp>
#include <agora/detail/lock_fast_path.hpp>
#include <agora/lock_grant.hpp>
#include <agora/proxy.hpp>

namespace agora {

/// A lock with one owner at a time over all processes and hosts. The owner is a thread of this
/// process. Use it as mutex or recursive_mutex.
template <const detail::LockMethods& Methods>
class basic_lock : public proxy {
 public:
  /// Called by a manager's factory; see manager::lock and manager::rlock.
  explicit basic_lock(detail::ObjectHandle handle) : proxy(std::move(handle)) {}

  /// Waits without a timeout until the calling thread has the lock.
  /// @throws deadlock           waiting would close a cycle, which the message spells out. For a
  ///                            mutex that includes locking it twice.
  /// @throws agora::owner_died  the lock is broken (on_owner_death::broken).
  void lock() const;
  /// Returns false if the lock is not free.
  bool try_lock() const;
  template <typename Rep, typename Period>
  bool try_lock_for(std::chrono::duration<Rep, Period> span) const {
    return by_thread().acquire(detail::timeout_of(span));
  }
  template <typename Clock, typename Span>
  bool try_lock_until(std::chrono::time_point<Clock, Span> when) const {
    return by_thread().acquire(detail::timeout_until(when));
  }

  /// As lock(), for a grant that ends after `lease` even if this thread hangs: then the server
  /// gives the lock to the next owner, for which owner_died() is true, and guards refuse the grant.
  /// held() is false from then on, or shortly before. Always makes a call; a lock that must be fast
  /// has no lease. A further level of a recursive_mutex replaces the lease of the grant.
  /// @throws value_error  `lease` is not above zero; an infinite one is no lease. And as lock().
  template <typename Rep, typename Period>
  void lock_leased(std::chrono::duration<Rep, Period> lease) const {
    by_thread().acquire_leased(std::nullopt, detail::timeout_of(lease));
  }
  template <typename Rep, typename Period>
  bool try_lock_leased(std::chrono::duration<Rep, Period> lease) const {
    return by_thread().acquire_leased(detail::Seconds::zero(), detail::timeout_of(lease));
  }
  template <typename Rep, typename Period, typename LeaseRep, typename LeasePeriod>
  bool try_lock_leased_for(std::chrono::duration<Rep, Period> span,
                           std::chrono::duration<LeaseRep, LeasePeriod> lease) const {
    return by_thread().acquire_leased(detail::timeout_of(span), detail::timeout_of(lease));
  }
  /// Sets the end of the calling thread's grant to `lease` from now, whether it had a lease or not.
  /// Waits for the server's reply. If the reply is lost the lease may have been set.
  /// @throws stale_token  the lease is over already; the lock is not held any more.
  /// @throws value_error  `lease` is not above zero. An infinite one takes the lease away.
  /// @throws not_locked   this thread has no grant. @throws session_lost  it lost it.
  template <typename Rep, typename Period>
  void extend(std::chrono::duration<Rep, Period> lease) const {
    by_thread().extend(detail::timeout_of(lease));
  }

  /// Releases the lock. Never throws, because std::lock_guard requires that. A caller that must
  /// know of a lost lock asks held() before, or registers on_lost().
  void unlock() const noexcept;
  /// Releases the lock.
  /// @throws not_locked    no owner has it.
  /// @throws not_owner     another owner has it.
  /// @throws session_lost  this thread had it and lost it.
  /// @throws stale_token   its lease was over, and another owner has it (or not_locked: none has).
  void release() const { by_thread().release(); }

  /// Returns the fencing token of the calling thread's grant: greater than that of every earlier
  /// grant. A lost grant keeps its token. @throws not_locked  the calling thread has no grant.
  std::uint64_t token() const { return by_thread().token(); }
  /// Returns true if the previous owner ended while it had the lock. @throws as token().
  bool owner_died() const { return by_thread().owner_died(); }
  /// Returns true if the calling thread certainly has the lock. False while the connection is
  /// broken, false once the session's ttl has passed since the last answered heartbeat, false once
  /// the lease is over, and false for good after the session is lost. Checks the connection without
  /// waiting.
  bool held() const { return by_thread().held(); }
  /// Calls `callback` each time a grant of this lock in this process is lost with the session. The
  /// callback runs on the manager's callback thread, must not throw, and may make calls. It stays
  /// registered as long as the manager; a forked child starts without it.
  void on_lost(std::function<void()> callback) const { by_thread().on_lost(std::move(callback)); }

  /// Returns true if any owner has the lock.
  bool locked() const { return call<bool>(*Methods.locked); }
  /// Recovers a lock that broke when its owner died, as pthread_mutex_consistent does.
  void reset() const { call<void>(*Methods.reset); }

  // ---- asynchronous forms: the last argument is a completion token, see async.hpp. The locking
  // ones complete with a lock_grant, which is an owner of its own.

  template <typename Token>
  auto async_lock(Token&& token) const {
    return by_thread().async_acquire(std::nullopt, token);
  }
  template <typename Token>
  auto async_try_lock(Token&& token) const {
    return by_thread().async_acquire(detail::Seconds::zero(), token);
  }
  template <typename Rep, typename Period, typename Token>
  auto async_try_lock_for(std::chrono::duration<Rep, Period> span, Token&& token) const {
    return by_thread().async_acquire(detail::timeout_of(span), token);
  }
  /// As lock_leased(). After a long wait a part of the lease may count as over here that is not
  /// over on the server: extend the grant then.
  template <typename Rep, typename Period, typename Token>
  auto async_lock_leased(std::chrono::duration<Rep, Period> lease, Token&& token) const {
    return by_thread().async_acquire_leased(std::nullopt, detail::timeout_of(lease), token);
  }
  template <typename Rep, typename Period, typename Token>
  auto async_try_lock_leased(std::chrono::duration<Rep, Period> lease, Token&& token) const {
    return by_thread().async_acquire_leased(detail::Seconds::zero(), detail::timeout_of(lease),
                                            token);
  }
  template <typename Rep, typename Period, typename LeaseRep, typename LeasePeriod, typename Token>
  auto async_try_lock_leased_for(std::chrono::duration<Rep, Period> span,
                                 std::chrono::duration<LeaseRep, LeasePeriod> lease,
                                 Token&& token) const {
    return by_thread().async_acquire_leased(detail::timeout_of(span), detail::timeout_of(lease),
                                            token);
  }
  template <typename Token>
  auto async_locked(Token&& token) const {
    return async_call<bool>(*Methods.locked, token);
  }
  template <typename Token>
  auto async_reset(Token&& token) const {
    return async_call<void>(*Methods.reset, token);
  }

 private:
  friend class condition_variable;

  detail::ThreadLock by_thread() const { return {handle(), Methods}; }
};

// ---- implementation ------------------------------------------------------------------------

template <const detail::LockMethods& Methods>
void basic_lock<Methods>::lock() const {
  if (!detail::take_free_word(handle(), Methods.lent)) by_thread().acquire(std::nullopt);
}

template <const detail::LockMethods& Methods>
bool basic_lock<Methods>::try_lock() const {
  return detail::take_free_word(handle(), Methods.lent) ||
         by_thread().acquire(detail::Seconds::zero());
}

template <const detail::LockMethods& Methods>
void basic_lock<Methods>::unlock() const noexcept {
  if (!detail::free_own_word(handle(), Methods.lent)) by_thread().unlock();
}

}  // namespace agora
