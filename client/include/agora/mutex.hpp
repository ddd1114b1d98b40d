// mutex: a shared lock (`m.lock(name)`), TimedLockable as the standard library says it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include <agora/any_io.hpp>
#include <agora/proxy.hpp>

namespace agora {

class mutex;

/// A lock that was acquired asynchronously: held by no thread but by this object, which may be
/// moved anywhere. Its end gives the lock back, without waiting.
class lock_grant {
 public:
  /// No grant.
  lock_grant() = default;
  lock_grant(lock_grant&& other) noexcept;
  /// Gives back the grant that was here.
  lock_grant& operator=(lock_grant&& other) noexcept;
  ~lock_grant();

  /// False if there is none: the time was over before the lock was free.
  explicit operator bool() const { return owner_.has_value(); }
  /// Gives the lock back and waits until the server has it. Nothing without a grant.
  /// @throws session_lost  it was lost with the session.
  void release();
  /// As those of mutex, for this grant. @throws not_locked  there is none.
  std::uint64_t token() const;
  bool owner_died() const;
  bool held() const;

 private:
  friend class mutex;
  struct Owner {
    client::Handle handle;
    std::string text;
  };
  explicit lock_grant(Owner owner) : owner_(std::move(owner)) {}
  const Owner& owner() const;

  std::optional<Owner> owner_;
};

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
  /// Whether the calling thread certainly has the lock: false while the connection is broken, once
  /// the session's ttl has passed since the server's last answered sign of life, and for good
  /// after the session is lost. Looks at the connection, without waiting.
  bool held() const;
  /// Calls `callback` each time a grant of this lock in this process is lost with the session. It
  /// runs on the manager's I/O thread, must not throw, and may make calls. Stays for as long as
  /// the manager; a forked child begins without.
  void on_lost(std::function<void()> callback) const;

  /// As lock() and try_lock_for(), but gives a lock_grant, which is an owner of its own.
  template <typename Token>
  auto async_lock(Token&& token) const {
    return async_acquire(std::nullopt, token);
  }
  template <typename Rep, typename Period, typename Token>
  auto async_try_lock_for(std::chrono::duration<Rep, Period> span, Token&& token) const {
    return async_acquire(client::timeout_of(span), token);
  }

  /// Whether anybody has the lock.
  bool locked() const { return read<bool>("lock.locked"); }
  template <typename Token>
  auto async_locked(Token&& token) const {
    return async_read<bool>("lock.locked", token);
  }
  /// Mends a lock that broke when its owner died.
  void reset() const { change<void>("lock.reset"); }

 private:
  bool acquire(const client::Timeout& timeout) const;
  static std::string fresh_owner();
  client::DeferredCall acquire_call(const client::Timeout& timeout, const std::string& owner) const;
  lock_grant granted_to(const std::string& owner, client::Reply reply) const;

  template <typename Token>
  auto async_acquire(const client::Timeout& timeout, Token&& token) const {
    const std::string owner = fresh_owner();
    return client::async_call<lock_grant>(
        handle(), acquire_call(timeout, owner),
        [lock = *this, owner](client::Reply reply) {
          return lock.granted_to(owner, std::move(reply));
        },
        token);
  }
};

}  // namespace agora
