// SPDX-License-Identifier: MIT

// ChangeFeed: the followers of one object and its last notices, one for each version. The history
// is bounded; from it a session that was disconnected catches up.
//
// A watched object has a feed, and so has each topic. A notice is lost if its connection breaks on
// the way. So a session that resumes gets all notices again that it has not confirmed. Delivery is
// at least once, and each notice carries its version. A notice that the history no longer holds is
// replaced by a gap notice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "shared/base/ids.hpp"
#include "shared/base/time.hpp"

namespace agora {

/// The position of a session in a feed.
struct Follower {
  std::uint64_t sent = 0;       ///< the last version sent over a connection
  std::uint64_t confirmed = 0;  ///< the last version that the client has confirmed
};

class ChangeFeed {
 public:
  struct Entry {
    std::uint64_t version;
    std::string notice;  ///< packed
  };

  /// Makes a feed without history whose next notice is that of `version` + 1.
  explicit ChangeFeed(std::uint64_t version, bool of_topic = false)
      : of_topic_(of_topic), version_(version) {}

  std::map<SessionId, Follower> followers;
  Instant expires{};      ///< when the history is dropped, if there is no follower until then
  bool expiring = false;  ///< the feed is in the list of expiring ones (Notifications)

  bool of_topic() const { return of_topic_; }
  /// Returns the version of the last notice.
  std::uint64_t version() const { return version_; }
  /// Returns the bytes of all entries.
  std::size_t bytes() const { return bytes_; }
  const std::deque<Entry>& entries() const { return entries_; }

  /// Adds the next notice; its version must be version() + 1.
  void add(Entry entry);
  /// Continues after that version. The feed must have no entries.
  void skip_to(std::uint64_t version);
  /// Removes and returns the oldest entry; there must be one.
  Entry pop();

  /// Returns the bytes of all entries after `version`; nullopt if the history no longer holds all
  /// of them. O(entries).
  std::optional<std::size_t> bytes_after(std::uint64_t version) const;

 private:
  bool of_topic_;
  std::uint64_t version_;
  std::deque<Entry> entries_;  // the last notices, without a gap
  std::size_t bytes_ = 0;
};

}  // namespace agora
