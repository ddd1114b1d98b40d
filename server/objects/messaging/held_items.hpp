// SPDX-License-Identifier: MIT

// HeldItems: the items of a queue that are in flight: delivered, and not yet acknowledged.
//
// A reserved item has an id, a session, and perhaps a lease. A *got* item was delivered by get or
// get_many in an opened session. It belongs to that call until the client acknowledges the reply;
// then the item has *arrived*. This class does not decide where an item goes when it comes back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "server/objects/messaging/queue_item.hpp"
#include "shared/base/ids.hpp"
#include "shared/base/time.hpp"

namespace agora {

struct Reservation {
  std::uint64_t id = 0;
  SessionId session;
  QueueItem item;
  std::optional<Duration> lease;  ///< nullopt: as long as the session
  std::optional<Instant> until;   ///< expiry of the lease
};

/// An item that a call has got.
struct GotItem {
  SessionId session;
  std::uint64_t number = 0;  ///< the number of the call within the session
  QueueItem item;
};

/// Counts the items that one session got and has, or has not, reported by task_done.
struct Consumer {
  std::uint64_t got = 0;   ///< items whose replies are not acknowledged yet
  std::uint64_t owed = 0;  ///< items that have arrived and are not reported as done
  /// Items among `got` that are reported as done already. If it is not 0, `owed` is 0.
  std::uint64_t early = 0;
};

class HeldItems {
 public:
  bool empty() const { return reserved_.empty() && got_.empty(); }
  /// Returns whether that session holds anything here. O(log n).
  bool has(SessionId session) const;

  void reserve(const Reservation& reservation);
  /// Returns null if there is no such reservation. O(log n).
  const Reservation* find(std::uint64_t id) const;
  /// Removes a reservation, which must be here.
  Reservation release(std::uint64_t id);
  /// Extends the lease of a reservation to `until`.
  void extend(std::uint64_t id, Instant until);
  std::optional<Instant> next_lease() const;
  /// Removes and returns a reservation whose lease has expired at `now`; nullopt if there is none.
  std::optional<Reservation> due(Instant now);

  void got(const GotItem& got);
  /// Removes and returns the items of one call, whose reply is acknowledged.
  std::vector<QueueItem> arrived(SessionId session, std::uint64_t number);
  /// Removes and returns the items of one call, whose reply is declined.
  /// @param early  set to the number of them that the session has reported as done
  std::vector<QueueItem> declined(SessionId session, std::uint64_t number, std::uint64_t& early);
  /// Removes the item of that call that was added last; undoes `got`.
  void forget_last(SessionId session, std::uint64_t number);

  /// Counts a task_done of a session: `owed` decreases if it is not 0, else `early` grows. Does
  /// nothing if the session has no item left to report: then it reports for another session.
  /// O(log sessions).
  void done(SessionId session);
  /// Returns the counts of a session; all zeros if there are none.
  Consumer consumer(SessionId session) const;
  /// Sets the counts of a session; undoes `done`.
  void set_consumer(SessionId session, const Consumer& consumer);
  /// Removes the counts of ended sessions whenever the number of all counts has doubled: amortized
  /// O(1) a call.
  template <typename IsGone>
  void forget_consumers(IsGone&& is_gone) {
    if (consumers_.size() < sweep_at_) return;
    std::erase_if(consumers_, [&](const auto& each) { return is_gone(each.first); });
    sweep_at_ = 2 * consumers_.size() + kSweepMin;
  }

  /// Removes and returns all items of a session, the last in the queue's order first; removes its
  /// counts as well.
  std::vector<QueueItem> take_all(SessionId session);
  /// Removes and returns any item. Must not be called when empty.
  QueueItem take_any();

  template <typename Visit>
  void each_reserved(Visit&& visit) const {
    for (const auto& [id, reservation] : reserved_) visit(reservation);
  }
  template <typename Visit>
  void each_got(Visit&& visit) const {
    for (const auto& [key, item] : got_) visit(GotItem{key.first, key.second, item});
  }
  std::size_t reserved() const { return reserved_.size(); }
  std::size_t got() const { return got_.size(); }
  const std::map<SessionId, Consumer>& consumers() const { return consumers_; }

 private:
  std::vector<QueueItem> take_got(SessionId session, std::uint64_t number);
  using GotKey = std::pair<SessionId, std::uint64_t>;
  static constexpr std::size_t kSweepMin = 64;

  std::map<std::uint64_t, Reservation> reserved_;
  std::set<std::pair<SessionId, std::uint64_t>> by_session_;  // ids of the reservations
  std::set<std::pair<Instant, std::uint64_t>> by_lease_;      // ids of those that have a lease
  std::multimap<GotKey, QueueItem> got_;
  std::map<SessionId, Consumer> consumers_;
  std::size_t sweep_at_ = kSweepMin;  // consumers at which ended sessions are swept
};

}  // namespace agora
