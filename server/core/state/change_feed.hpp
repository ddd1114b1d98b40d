// SPDX-License-Identifier: MIT

// ChangeFeed: the followers of one object and its last notices, one for each version. The history
// is bounded; from it a session that was disconnected catches up. A feed of one entry of a dict,
// set or namespace has notices of those versions only that changed that entry.
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
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/ids.hpp"
#include "shared/base/time.hpp"
#include "shared/value/packed.hpp"

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

  /// Makes a feed without history whose next notice is that of a later version than `version`.
  explicit ChangeFeed(std::uint64_t version, bool of_topic = false)
      : of_topic_(of_topic), version_(version), complete_after_(version) {}

  std::map<SessionId, Follower> followers;
  Instant expires{};      ///< when the history is dropped, if there is no follower until then
  bool expiring = false;  ///< the feed is in the list of expiring ones (Notifications)

  bool of_topic() const { return of_topic_; }
  /// Returns the version of the last notice.
  std::uint64_t version() const { return version_; }
  /// Returns the bytes of all entries.
  std::size_t bytes() const { return bytes_; }
  const std::deque<Entry>& entries() const { return entries_; }

  /// Adds the next notice; its version must be greater than version().
  void add(Entry entry);
  /// Continues after that version. The feed must have no entries.
  void skip_to(std::uint64_t version);
  /// Removes and returns the oldest entry; there must be one.
  Entry pop();

  /// Returns the bytes of all entries after `version`; nullopt if the history does not hold all
  /// of them. O(entries).
  std::optional<std::size_t> bytes_after(std::uint64_t version) const;

 private:
  bool of_topic_;
  std::uint64_t version_;
  std::uint64_t complete_after_;  // entries_ has all notices of later versions than this
  std::deque<Entry> entries_;
  std::size_t bytes_ = 0;
};

/// The feed of one entry of an object.
struct KeyFeed {
  ObjectId id;  ///< its number, by which Session::watches names it
  Packed key;   ///< as its first watcher named it
  ChangeFeed feed;
  bool touched = false;  ///< it is in WatchedKeys::touched
};

/// The watched entries of one object. Notes which of them the running call changes.
struct WatchedKeys {
  std::map<std::string, KeyFeed, std::less<>> feeds;  ///< by comparison key
  std::vector<KeyFeed*> touched;

  /// Notes that the entry with that comparison key changes.
  void touch(std::string_view key_bytes) {
    const auto found = feeds.find(key_bytes);
    if (found == feeds.end() || found->second.touched) return;
    found->second.touched = true;
    touched.push_back(&found->second);
  }
  /// Forgets the touched entries.
  void forget_touched() {
    for (KeyFeed* feed : touched) feed->touched = false;
    touched.clear();
  }
};

/// The feeds of a watched object; each is kept for a minute or more after its last watcher has
/// left.
struct Watches {
  std::unique_ptr<ChangeFeed> all;  ///< of all changes; null if none watches them
  WatchedKeys keys;
};

}  // namespace agora
