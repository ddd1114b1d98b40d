// HeldItems: what a queue has handed out and may have to take back.
//
// Reserved items have an id, a session, and perhaps a lease. Got items belong to a numbered call of
// an opened session until the arrival of its reply is acknowledged. Nothing here knows where an
// item goes when it comes back.
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
  std::optional<Duration> lease;  ///< none: as long as the session
  std::optional<Instant> until;   ///< when the lease runs out
};

/// An item that a call has got.
struct GotItem {
  SessionId session;
  std::uint64_t number = 0;  ///< of the call
  QueueItem item;
};

/// What one session owes a queue for what it has got: told by task_done, or not yet.
struct Consumer {
  std::uint64_t got = 0;    ///< items whose replies are not acknowledged
  std::uint64_t owed = 0;   ///< items that have arrived and are not said to be done
  std::uint64_t early = 0;  ///< of `got`: as many are said to be done already; owed is 0 then
};

class HeldItems {
 public:
  bool empty() const { return reserved_.empty() && got_.empty(); }
  /// Whether that session has anything here. O(log n).
  bool has(SessionId session) const;

  void reserve(const Reservation& reservation);
  /// None: there is no such reservation. O(log n).
  const Reservation* find(std::uint64_t id) const;
  /// Takes out a reservation, which must be here.
  Reservation release(std::uint64_t id);
  /// Lets a reservation's lease run until then.
  void extend(std::uint64_t id, Instant until);
  std::optional<Instant> next_lease() const;
  /// Takes out a reservation whose lease has run out at `now`; none if there is none.
  std::optional<Reservation> due(Instant now);

  void got(const GotItem& got);
  /// Takes out what one call has got.
  std::vector<QueueItem> arrived(SessionId session, std::uint64_t number);
  /// Takes out what that call has got last: what undoes `got`.
  void forget_last(SessionId session, std::uint64_t number);

  /// A session says task_done: of an item that has arrived if it owes one, else of one whose reply
  /// is not acknowledged. Nothing if it has got none: it speaks for somebody else. O(log sessions).
  void done(SessionId session);
  /// What a session owes; nothing at all: zeros.
  Consumer consumer(SessionId session) const;
  /// Sets that: what undoes `done`.
  void set_consumer(SessionId session, const Consumer& consumer);
  /// Forgets those that owe and are gone, now and then: amortized O(1) a call.
  template <typename IsGone>
  void forget_consumers(IsGone&& is_gone) {
    if (consumers_.size() < look_at_) return;
    std::erase_if(consumers_, [&](const auto& each) { return is_gone(each.first); });
    look_at_ = 2 * consumers_.size() + kLookAt;
  }

  /// Takes out all that a session has, last place first, and forgets what it owes.
  std::vector<QueueItem> take_all(SessionId session);
  /// Takes any item. Not to be called when empty.
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
  static constexpr std::size_t kLookAt = 64;

  std::map<std::uint64_t, Reservation> reserved_;
  std::set<std::pair<SessionId, std::uint64_t>> by_session_;  // reservations
  std::set<std::pair<Instant, std::uint64_t>> by_lease_;
  std::multimap<GotKey, QueueItem> got_;
  std::map<SessionId, Consumer> consumers_;
  std::size_t look_at_ = kLookAt;  // that many consumers: who is gone?
};

}  // namespace agora
