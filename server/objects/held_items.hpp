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

#include "server/objects/queue_item.hpp"
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

  /// Takes out all that a session has, last place first.
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

 private:
  using GotKey = std::pair<SessionId, std::uint64_t>;

  std::map<std::uint64_t, Reservation> reserved_;
  std::set<std::pair<SessionId, std::uint64_t>> by_session_;  // reservations
  std::set<std::pair<Instant, std::uint64_t>> by_lease_;
  std::multimap<GotKey, QueueItem> got_;
};

}  // namespace agora
