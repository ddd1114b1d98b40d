// lock_grant: a lock that was acquired asynchronously; and what all kinds of locks do alike.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <agora/async.hpp>
#include <agora/error.hpp>

namespace agora {

/// What a lock does when its owner ends while it holds it.
enum class on_owner_death : std::uint8_t {
  report,  ///< the next owner gets it, and is told
  broken,  ///< it stays broken: owner_died until reset()
};

/// Options of mutex, recursive_mutex and shared_mutex; they count only if the factory's call makes
/// the object.
struct lock_options {
  agora::on_owner_death on_owner_death = agora::on_owner_death::report;
};

namespace detail {

struct Grant;  // a lock held by one thread: client/src/client/grants.hpp

/// One way to take a lock: how the server calls it. There is one for each, and it is compared by
/// address.
struct LockMethods {
  std::string_view acquire;
  std::string_view release;
  bool by_token;            ///< release takes the token of what it gives back
  bool again;               ///< an owner may take it again; levels are counted here
  std::string_view holder;  ///< tells who has the lock; empty: nobody asks
  /// The server lends such locks: a thread may take them without a call. `other`: it does not.
  ObjectKind lent = ObjectKind::other;
};

extern const LockMethods kPlainLock;
extern const LockMethods kRecursiveLock;
extern const LockMethods kReadLock;
extern const LockMethods kWriteLock;

}  // namespace detail

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
  /// The lock's name. @throws not_locked  there is none.
  const std::string& name() const;

  /// Made by the locks.
  struct Owner {
    detail::Handle handle;
    const detail::LockMethods* way;
    std::string text;
  };
  explicit lock_grant(Owner owner) : owner_(std::move(owner)) {}

 private:
  friend class condition_variable;
  const Owner& owner() const;

  std::optional<Owner> owner_;
};

namespace detail {

/// What a thread does with a lock. The owner is the calling thread, but for async_acquire.
class ThreadLock {
 public:
  ThreadLock(const Handle& handle, const LockMethods& way) : handle_(handle), way_(way) {}

  /// False if it was not got in time. @throws deadlock, owner_died, session_lost
  bool acquire(const Timeout& timeout) const;
  /// Gives it back, errors and all left unsaid.
  void unlock() const noexcept;
  /// @throws not_locked, not_owner, session_lost
  void release() const;
  std::uint64_t token() const;
  bool owner_died() const;
  bool held() const;
  /// Whether the thread has a grant, lost or not.
  bool has_grant() const;
  /// The server is about to do something with the thread's grant, of which it may know nothing.
  void hand_over() const;
  void on_lost(std::function<void()> callback) const;

  template <typename Token>
  auto async_acquire(const Timeout& timeout, Token&& token) const {
    const std::string owner = fresh_owner();
    return async_call<lock_grant>(
        handle_, acquire_call(timeout, owner),
        [handle = handle_, way = &way_, owner](Reply reply) {
          return ThreadLock(handle, *way).granted_to(owner, std::move(reply));
        },
        token);
  }

 private:
  static std::string fresh_owner();
  DeferredCall acquire_call(const Timeout& timeout, const std::string& owner) const;
  lock_grant granted_to(const std::string& owner, Reply reply) const;
  std::optional<Grant> by_word() const;

  const Handle& handle_;
  const LockMethods& way_;
};

}  // namespace detail
}  // namespace agora
