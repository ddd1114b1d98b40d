// SPDX-License-Identifier: MIT

// lock_grant: a lock that was acquired asynchronously; and the machinery that all locks share.
#pragma once

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
  /// The kind of a lock that the server lends: a thread may take it without a call. `other` if the
  /// server does not lend it.
  ObjectKind lent = ObjectKind::other;
};

inline constexpr LockMethods kPlainLock{.acquire = &methods::lock_acquire,
                                        .release = &methods::lock_release,
                                        .locked = &methods::lock_locked,
                                        .reset = &methods::lock_reset,
                                        .by_token = true,
                                        .lent = ObjectKind::lock};
inline constexpr LockMethods kRecursiveLock{.acquire = &methods::rlock_acquire,
                                            .release = &methods::rlock_release,
                                            .locked = &methods::rlock_locked,
                                            .reset = &methods::rlock_reset,
                                            .by_token = true,
                                            .recursive = true,
                                            .holder = &methods::rlock_holder,
                                            .lent = ObjectKind::rlock};
inline constexpr LockMethods kReadLock{.acquire = &methods::rwlock_acquire_read,
                                       .release = &methods::rwlock_release_read,
                                       .recursive = true};
inline constexpr LockMethods kWriteLock{.acquire = &methods::rwlock_acquire_write,
                                        .release = &methods::rwlock_release_write};

}  // namespace detail

/// A lock that was acquired asynchronously. Its owner is this object and no thread, so it may be
/// moved anywhere. Its destructor releases the lock without waiting.
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
  /// @throws session_lost  the grant was lost with the session.
  void release();
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
    const std::string owner = fresh_owner();
    return async_call<lock_grant>(
        handle_, acquire_call(timeout, owner),
        [handle = handle_, methods = &methods_, owner](Reply reply) {
          return ThreadLock(handle, *methods).granted_to(owner, std::move(reply));
        },
        token);
  }

 private:
  static std::string fresh_owner();
  DeferredCall acquire_call(const Timeout& timeout, const std::string& owner) const;
  lock_grant granted_to(const std::string& owner, Reply reply) const;
  std::optional<Grant> by_word() const;

  const ObjectHandle& handle_;
  const LockMethods& methods_;
};

}  // namespace detail
}  // namespace agora
