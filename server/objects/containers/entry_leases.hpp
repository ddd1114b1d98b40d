// SPDX-License-Identifier: MIT

// EntryLeases: the ends that writers gave to entries of a dict: a time, the end of a session, or
// both.
//
// They lie beside the table, by the entries' sequence numbers, so entries without a lease cost
// nothing. The dict removes an entry when its time has come or its session has ended.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "shared/base/ids.hpp"
#include "shared/base/time.hpp"

namespace agora {

/// The end of an entry. Default: it has none.
struct EntryLease {
  std::optional<Instant> until;  ///< when it is removed; nullopt: no time ends it
  SessionId session;             ///< with the end of which it is removed; none if it is not

  explicit operator bool() const { return until || session; }
};

class EntryLeases {
 public:
  /// The memory of one lease, in bytes, roughly.
  static constexpr std::size_t kBytes = 224;

  bool empty() const { return by_entry_.empty(); }
  std::size_t size() const { return by_entry_.size(); }
  /// Returns the lease of the entry with that number; an empty one if it has none. O(log n).
  EntryLease of(std::uint64_t entry) const;
  /// Sets the lease of an entry; an empty one removes it. O(log n).
  void set(std::uint64_t entry, const EntryLease& lease);
  bool has(SessionId session) const { return by_session_.contains(session); }

  /// Notes that the session has ended: its entries are due.
  void session_ended(SessionId session) {
    if (has(session)) ended_.push_back(session);
  }
  /// Returns an entry of a session that has ended; nullopt if there is none.
  std::optional<std::uint64_t> orphan();
  /// Returns the entry with the earliest time due at `now`; nullopt if there is none.
  std::optional<std::uint64_t> due(Instant now) const;
  /// Returns the earliest time; nullopt if there is none.
  std::optional<Instant> next_time() const;

  /// Removes up to `count` leases of a dict that is cleared or deleted. Returns true when none is
  /// left.
  bool release_some(std::size_t count);

  /// Calls `visit(entry, lease)` for all, in the order of the entries.
  template <typename Visit>
  void each(Visit&& visit) const {
    for (const auto& [entry, lease] : by_entry_) visit(entry, lease);
  }
  /// Calls `visit(session)` for each session whose end ends an entry.
  template <typename Visit>
  void each_session(Visit&& visit) const {
    for (const auto& [session, entries] : by_session_) visit(session);
  }

 private:
  std::map<std::uint64_t, EntryLease> by_entry_;
  std::set<std::pair<Instant, std::uint64_t>> times_;
  std::map<SessionId, std::set<std::uint64_t>> by_session_;
  std::vector<SessionId> ended_;
};

}  // namespace agora
