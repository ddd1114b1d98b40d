// SPDX-License-Identifier: MIT

// lock_grant: a lock that was acquired asynchronously; and the machinery that all locks share.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <agora/async.hpp>
#include <agora/detail/methods.hpp>
#include <agora/error.hpp>

namespace agora {

/// The behaviour of a lock whose owner ends while it has the lock.
enum class on_owner_death : std::uint8_t {
  report,  ///< the lock passes to the next owner, for which owner_died() is true
  broken,  ///< acquiring the lock throws owner_died until reset()
};

/// Options of mutex, recursive_mutex and shared_mutex; used only if the call of the factory creates
/// the object.
struct lock_options {
  agora::on_owner_death on_owner_death = agora::on_owner_death::report;
};

namespace detail {

struct Grant;  // a lock held by one owner: client/src/client/grants.hpp

/// The methods by which one kind of lock is taken and released. There is one object for each kind;
/// it is compared by address.
struct LockMethods {
  const Method* acquire = nullptr;
  const Method* release = nullptr;
  const Method* locked = nullptr;  ///< null for a shared_mutex, as is `reset`
  const Method* reset = nullptr;
  bool by_token = false;           ///< release takes the token of the grant
  bool recursive = false;          ///< an owner may take it again; levels are counted here
  const Method* holder = nullptr;  ///< names the holder; null if it is never called
  const Method* extend = nullptr;  ///< null for a shared_mutex, which has no leases
  /// The kind of a lock that the server lends: a thread may take it without a call. `other` if the
  /// server does not lend it.
  ObjectKind lent = ObjectKind::other;
};

inline constexpr LockMethods kPlainLock{.acquire = &methods::lock_acquire,
                                        .release = &methods::lock_release,
                                        .locked = &methods::lock_locked,
                                        .reset = &methods::lock_reset,
                                        .by_token = true,
                                        .extend = &methods::lock_extend,
                                        .lent = ObjectKind::lock};
inline constexpr LockMethods kRecursiveLock{.acquire = &methods::rlock_acquire,
                                            .release = &methods::rlock_release,
                                            .locked = &methods::rlock_locked,
                                            .reset = &methods::rlock_reset,
                                            .by_token = true,
                                            .recursive = true,
                                            .holder = &methods::rlock_holder,
                                            .extend = &methods::rlock_extend,
                                            .lent = ObjectKind::rlock};
inline constexpr LockMethods kReadLock{.acquire = &methods::rwlock_acquire_read,
                                       .release = &methods::rwlock_release_read,
                                       .recursive = true};
inline constexpr LockMethods kWriteLock{.acquire = &methods::rwlock_acquire_write,
                                        .release = &methods::rwlock_release_write};

}  // namespace detail

/// A lock that was acquired asynchronously. Its owner is this object and no thread, so it may be
/// moved anywhere. Its destructor releases the lock without waiting. A grant with a lease ends on
/// the server when the lease is over; held() is false from then on, or shortly before.
class lock_grant {
 public:
  /// Makes an empty grant.
  lock_grant() = default;
  lock_grant(lock_grant&& other) noexcept;
  /// Releases the grant that was here.
  lock_grant& operator=(lock_grant&& other) noexcept;
  ~lock_grant();

  /// False if it is empty: the timeout expired before the lock was free.
  explicit operator bool() const { return owner_.has_value(); }
  /// Releases the lock and waits for the server's reply. Does nothing if the grant is empty.
  /// @throws session_lost           the grant was lost with the session.
  /// @throws stale_token, not_locked  its lease was over; no other owner's grant was released.
  void release();
  /// Sets the end of the grant to `lease` from now, whether it had a lease or not. Waits for the
  /// server's reply. If the reply is lost the lease may have been set.
  /// @throws stale_token  the lease is over already; the lock is not held any more.
  /// @throws value_error  `lease` is not above zero. An infinite one takes the lease away.
  /// @throws not_locked   the grant is empty. @throws session_lost  it was lost with the session.
  template <typename Rep, typename Period>
  void extend(std::chrono::duration<Rep, Period> lease) const;
  /// Does the same without waiting, see async.hpp. The grant must stay where it is until then only
  /// as its owner: moving it is allowed.
  template <typename Rep, typename Period, typename Token>
  auto async_extend(std::chrono::duration<Rep, Period> lease, Token&& token) const;
  /// As the functions of mutex, for this grant. @throws not_locked  the grant is empty.
  std::uint64_t token() const;
  bool owner_died() const;
  bool held() const;
  /// Returns the lock's name. @throws not_locked  the grant is empty.
  const std::string& name() const;

  /// Called by the locks.
  struct Owner {
    detail::ObjectHandle handle;
    const detail::LockMethods* methods;
    std::string text;  ///< names the owner in calls
  };
  explicit lock_grant(Owner owner) : owner_(std::move(owner)) {}

 private:
  friend class condition_variable;
  const Owner& owner() const;

  std::optional<Owner> owner_;
};

namespace detail {

/// The operations of a thread on a lock. The owner is the calling thread, except for async_acquire.
class ThreadLock {
 public:
  ThreadLock(const ObjectHandle& handle, const LockMethods& methods)
      : handle_(handle), methods_(methods) {}

  /// Returns false if the timeout expired. @throws deadlock, owner_died, session_lost
  bool acquire(const Timeout& timeout) const;
  /// Does the same by a call, for a grant that ends after `lease`; nullopt means no lease.
  bool acquire_leased(const Timeout& timeout, const Timeout& lease) const;
  /// Sets the lease of the thread's grant anew. @throws stale_token, not_locked, session_lost
  void extend(const Timeout& lease) const;
  /// Releases the lock and ignores errors.
  void unlock() const noexcept;
  /// @throws not_locked, not_owner, session_lost
  void release() const;
  std::uint64_t token() const;
  bool owner_died() const;
  bool held() const;
  /// Returns true if the thread has a grant, lost or not.
  bool has_grant() const;
  /// Turns a lock that the thread took without a call into a grant of the session. Call it before a
  /// call that uses the lock on the server, such as the wait of a condition.
  void hand_over() const;
  void on_lost(std::function<void()> callback) const;

  template <typename Token>
  auto async_acquire(const Timeout& timeout, Token&& token) const {
    return async_acquire_leased(timeout, std::nullopt, token);
  }
  template <typename Token>
  auto async_acquire_leased(const Timeout& timeout, const Timeout& lease, Token&& token) const {
    const std::string owner = fresh_owner();
    return async_call<lock_grant>(
        handle_, acquire_call(timeout, owner, lease),
        [handle = handle_, methods = &methods_, owner, end = end_of(lease)](Reply reply) {
          return ThreadLock(handle, *methods).granted_to(owner, std::move(reply), end);
        },
        token);
  }
  /// Sets the lease of the grant of an owner that is no thread.
  template <typename Token>
  auto async_extend(const std::string& owner, const Timeout& lease, Token&& token) const {
    return async_call<void>(
        handle_, extend_call(owner, lease),
        [handle = handle_, methods = &methods_, owner, end = end_of(lease)](Reply reply) {
          ThreadLock(handle, *methods).extended(owner, std::move(reply), end);
        },
        token);
  }
  void extend_of(const std::string& owner, const Timeout& lease) const;

 private:
  /// A time of this process's LifeClock, in nanoseconds; nullopt: no lease.
  using End = std::optional<std::int64_t>;

  static std::string fresh_owner();
  /// Returns the end of a lease that begins now.
  static End end_of(const Timeout& lease);
  DeferredCall acquire_call(const Timeout& timeout, const std::string& owner,
                            const Timeout& lease = {}) const;
  DeferredCall extend_call(const std::string& owner, const Timeout& lease) const;
  lock_grant granted_to(const std::string& owner, Reply reply, End end) const;
  void extended(const std::string& owner, Reply reply, End end) const;
  std::optional<Grant> by_word() const;

  const ObjectHandle& handle_;
  const LockMethods& methods_;
};

}  // namespace detail

template <typename Rep, typename Period>
void lock_grant::extend(std::chrono::duration<Rep, Period> lease) const {
  detail::ThreadLock(owner().handle, *owner().methods)
      .extend_of(owner().text, detail::timeout_of(lease));
}

template <typename Rep, typename Period, typename Token>
auto lock_grant::async_extend(std::chrono::duration<Rep, Period> lease, Token&& token) const {
  return detail::ThreadLock(owner().handle, *owner().methods)
      .async_extend(owner().text, detail::timeout_of(lease), token);
}

}  // namespace agora
