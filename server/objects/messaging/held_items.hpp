// HeldItems: the items of a queue that are in flight: delivered, and not yet acknowledged.
//
// Reserved items have an id, a session, and perhaps a lease. Got items belong to a numbered call of
// an opened session until the client acknowledges its reply. This class does not know where an item
// goes when it comes back.
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
  std::uint64_t number = 0;  ///< of the call
  QueueItem item;
};

/// The account of one session: the items that it got and has or has not reported by task_done.
struct Consumer {
  std::uint64_t got = 0;   ///< items whose replies are not acknowledged
  std::uint64_t owed = 0;  ///< items that arrived and are not reported as done
  std::uint64_t early =
      0;  ///< of `got`: reported as done before their reply was acknowledged; then owed is 0
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
  /// Removes the items of one call, whose reply is acknowledged.
  std::vector<QueueItem> arrived(SessionId session, std::uint64_t number);
  /// Removes the last item of that call; undoes `got`.
  void forget_last(SessionId session, std::uint64_t number);

  /// Counts a task_done of a session: for an item that has arrived if it owes one, else for one
  /// whose reply is not acknowledged. Does nothing if the session has got none: it reports for
  /// another session. O(log sessions).
  void done(SessionId session);
  /// Returns the account of a session; all zeros if there is none.
  Consumer consumer(SessionId session) const;
  /// Sets the account of a session; undoes `done`.
  void set_consumer(SessionId session, const Consumer& consumer);
  /// Removes the accounts of ended sessions once their number has doubled: amortized O(1) a call.
  template <typename IsGone>
  void forget_consumers(IsGone&& is_gone) {
    if (consumers_.size() < sweep_at_) return;
    std::erase_if(consumers_, [&](const auto& each) { return is_gone(each.first); });
    sweep_at_ = 2 * consumers_.size() + kSweepMin;
  }

  /// Removes all items of a session, the last place first, and its account.
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
  using GotKey = std::pair<SessionId, std::uint64_t>;
  static constexpr std::size_t kSweepMin = 64;

  std::map<std::uint64_t, Reservation> reserved_;
  std::set<std::pair<SessionId, std::uint64_t>> by_session_;  // reservations
  std::set<std::pair<Instant, std::uint64_t>> by_lease_;
  std::multimap<GotKey, QueueItem> got_;
  std::map<SessionId, Consumer> consumers_;
  std::size_t sweep_at_ = kSweepMin;  // consumers at which ended sessions are swept
};

}  // namespace agora
