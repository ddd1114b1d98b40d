// SPDX-License-Identifier: MIT

// shared_mutex: many readers or one writer (`m.rwlock(name)`), SharedTimedLockable.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include <agora/any_io.hpp>
#include <agora/lock_grant.hpp>
#include <agora/proxy.hpp>

namespace agora {

/// The state of a shared_mutex at one moment.
struct shared_mutex_state {
  std::int64_t readers = 0;  ///< owners that read
  bool writer = false;       ///< an owner writes
  std::int64_t waiting = 0;  ///< owners that wait
};

/// Many owners that read, or one that writes, over all processes and hosts. Waiting writers go
/// before new readers, but an owner that reads already may take further read locks at once. Works
/// with std::shared_lock beside the guards that mutex names. Death of an owner and loss of a
/// session have the same effect as for mutex. A reader that calls lock(), or a writer that calls
/// either again, throws deadlock.
class shared_mutex : public proxy {
 public:
  /// Called by a manager's factory; see manager::rwlock.
  explicit shared_mutex(detail::ObjectHandle handle) : proxy(std::move(handle)) {}

  // ---- writing

  /// Waits without a timeout until the calling thread may write.
  /// @throws deadlock           waiting would close a cycle, which the message spells out.
  /// @throws agora::owner_died  the lock is broken (on_owner_death::broken).
  void lock() const { writing().acquire(std::nullopt); }
  bool try_lock() const { return writing().acquire(detail::Seconds::zero()); }
  template <typename Rep, typename Period>
  bool try_lock_for(std::chrono::duration<Rep, Period> span) const {
    return writing().acquire(detail::timeout_of(span));
  }
  template <typename Clock, typename Span>
  bool try_lock_until(std::chrono::time_point<Clock, Span> when) const {
    return writing().acquire(detail::timeout_until(when));
  }
  /// Never throws; see mutex::unlock().
  void unlock() const noexcept { writing().unlock(); }
  /// @throws not_locked, not_owner, session_lost  as mutex::release().
  void release() const { writing().release(); }

  // ---- reading

  /// Waits without a timeout until the calling thread may read. A thread that reads already gets
  /// one more level, counted in this process. @throws as lock().
  void lock_shared() const { reading().acquire(std::nullopt); }
  bool try_lock_shared() const { return reading().acquire(detail::Seconds::zero()); }
  template <typename Rep, typename Period>
  bool try_lock_shared_for(std::chrono::duration<Rep, Period> span) const {
    return reading().acquire(detail::timeout_of(span));
  }
  template <typename Clock, typename Span>
  bool try_lock_shared_until(std::chrono::time_point<Clock, Span> when) const {
    return reading().acquire(detail::timeout_until(when));
  }
  /// Never throws; see mutex::unlock().
  void unlock_shared() const noexcept { reading().unlock(); }
  /// @throws not_locked, not_owner, session_lost  as mutex::release().
  void release_shared() const { reading().release(); }

  // ---- state

  /// As mutex::token() and mutex::owner_died(), for the calling thread's grant to write or to read.
  std::uint64_t token() const { return own().token(); }
  bool owner_died() const { return own().owner_died(); }
  /// Returns true if the calling thread certainly may write.
  bool held() const { return writing().held(); }
  /// Returns true if the calling thread certainly may read (and does not write).
  bool held_shared() const { return reading().held(); }
  /// As mutex::on_lost(), for grants of both kinds.
  void on_lost(std::function<void()> callback) const { writing().on_lost(std::move(callback)); }
  shared_mutex_state state() const { return state_of(make(detail::methods::rwlock_state)); }
  /// Recovers a lock that broke when its owner died.
  void reset() const { call<void>(detail::methods::rwlock_reset); }

  // ---- asynchronous forms: the last argument is a completion token, see async.hpp. The locking
  // ones complete with a lock_grant, which is an owner of its own.

  template <typename Token>
  auto async_lock(Token&& token) const {
    return writing().async_acquire(std::nullopt, token);
  }
  template <typename Token>
  auto async_try_lock(Token&& token) const {
    return writing().async_acquire(detail::Seconds::zero(), token);
  }
  template <typename Rep, typename Period, typename Token>
  auto async_try_lock_for(std::chrono::duration<Rep, Period> span, Token&& token) const {
    return writing().async_acquire(detail::timeout_of(span), token);
  }
  template <typename Token>
  auto async_lock_shared(Token&& token) const {
    return reading().async_acquire(std::nullopt, token);
  }
  template <typename Token>
  auto async_try_lock_shared(Token&& token) const {
    return reading().async_acquire(detail::Seconds::zero(), token);
  }
  template <typename Rep, typename Period, typename Token>
  auto async_try_lock_shared_for(std::chrono::duration<Rep, Period> span, Token&& token) const {
    return reading().async_acquire(detail::timeout_of(span), token);
  }
  template <typename Token>
  auto async_state(Token&& token) const {
    return async_make<shared_mutex_state>(
        detail::methods::rwlock_state,
        [l = *this](detail::Reply reply) { return l.state_of(std::move(reply)); }, token);
  }
  template <typename Token>
  auto async_reset(Token&& token) const {
    return async_call<void>(detail::methods::rwlock_reset, token);
  }

 private:
  detail::ThreadLock writing() const { return {handle(), detail::kWriteLock}; }
  detail::ThreadLock reading() const { return {handle(), detail::kReadLock}; }
  detail::ThreadLock own() const { return writing().has_grant() ? writing() : reading(); }
  shared_mutex_state state_of(detail::Reply reply) const;
};

}  // namespace agora
