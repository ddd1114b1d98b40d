// SPDX-License-Identifier: MIT

// Grants: the locks that this process holds, and the callbacks to run when one is lost.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/src/client/callback_thread.hpp"
#include "client/src/session/lease.hpp"

namespace agora::detail {

struct LockMethods;

/// A lock held by one owner: a thread, or a lock_grant.
struct Grant {
  std::uint64_t token = 0;
  bool owner_died = false;
  std::uint64_t session = 0;  ///< the grant ends with this session
  bool lost = false;
  const LockMethods* way = nullptr;  ///< the methods by which it was acquired
  std::uint32_t levels = 1;          ///< how many times its owner has acquired it
  /// The server ends the grant at this time or later; nullopt if it has no lease.
  std::optional<LifeClock::time_point> until{};

  /// Returns true if the server may have ended the grant.
  bool may_have_ended() const { return lost || until; }
  /// Returns true if the lease may be over.
  bool may_be_over() const { return until && LifeClock::now() >= *until; }
};

/// Any thread may use it. Under its own mutex it calls nothing but CallbackThread::post.
class Grants {
 public:
  using Callback = std::function<void()>;

  /// A grant, with the lock and the owner that it belongs to.
  struct Held {
    std::string lock;
    std::string owner;
    Grant grant;
  };

  /// @param callbacks  runs the on_lost callbacks; must outlive this object
  explicit Grants(CallbackThread& callbacks) : callbacks_(callbacks) {}
  Grants(const Grants&) = delete;
  Grants& operator=(const Grants&) = delete;

  /// Stores a grant. If its session is lost already, so is the grant, and its callbacks run.
  void add(const std::string& lock, const std::string& owner, Grant grant);
  std::optional<Grant> find(const std::string& lock, const std::string& owner) const;
  void remove(const std::string& lock, const std::string& owner);
  /// Adds one level to a grant that is not lost. Returns false if there is no such grant.
  bool add_level(const std::string& lock, const std::string& owner);
  /// Removes one level; the last one removes the grant. @return the number of levels left.
  std::uint32_t remove_level(const std::string& lock, const std::string& owner);
  /// Stores the token of a lock that was acquired again meanwhile; 0 if only the server knows it.
  void set_token(const std::string& lock, const std::string& owner, std::uint64_t token);
  /// Stores the end of a grant's lease.
  void set_until(const std::string& lock, const std::string& owner,
                 std::optional<LifeClock::time_point> until);

  /// Registers a callback for each loss of a grant of that lock. It runs on the callback thread; an
  /// exception there ends the program, so that no loss is hidden.
  /// @throws unavailable  the callback thread cannot be started; nothing has changed.
  void on_lost(const std::string& lock, Callback callback);

  /// Returns the number of grants that are lost and not released yet, or that have a lease: the
  /// word of such a lock may be free although its owner has a grant here. The reference is valid as
  /// long as this object.
  const std::atomic<std::uint32_t>& lost() const { return lost_; }

  /// Marks all grants of that session and of earlier ones as lost. Their callbacks run on the
  /// callback thread, once for each lost grant and registration.
  /// @param by_word  grants of that session that are not stored here yet
  void lose(std::uint64_t session, const std::vector<Held>& by_word);

 private:
  using Key = std::pair<std::string, std::string>;  // lock and owner
  using Map = std::map<Key, Grant>;

  void store(Key key, const Grant& grant);
  void erase(Map::iterator grant);
  void mark_lost(const std::string& lock, Grant& grant);

  CallbackThread& callbacks_;
  mutable std::mutex mutex_;  // guards the members below; `lost_` is written under it
  Map held_;
  std::multimap<std::string, Callback> on_lost_;  // by lock
  std::uint64_t lost_up_to_ = 0;                  // the last lost session
  std::atomic<std::uint32_t> lost_{0};
};

}  // namespace agora::detail
