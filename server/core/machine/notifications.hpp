// SPDX-License-Identifier: MIT

// Notifications: sends the notices of change feeds to their followers, and the missed ones to
// sessions that were disconnected.
//
// A session follows the changes of an object or of one entry of it (object.watch), or a topic. Each
// new version of a feed is one notice, pushed over the session's connection at once. A notice that
// a broken connection may have lost is sent again once the session has resumed. If the feed's
// history no longer holds it, a gap notice is sent instead.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "server/core/state/change_feed.hpp"
#include "server/core/state/notice_log.hpp"
#include "shared/base/expected.hpp"
#include "shared/base/ids.hpp"
#include "shared/base/pattern.hpp"
#include "shared/base/time.hpp"
#include "shared/value/packed.hpp"

namespace agora {

class Machine;
class Notifications;
struct Object;
struct Session;

/// Tells sessions which named objects are created and deleted (object.watch_names).
///
/// A session watches patterns of names. Each creation and deletion of a named object is one notice
/// for each session, however many of its patterns match. All changes of names have one history,
/// which is kept while a session watches names. From it a session that was disconnected catches up.
/// If it no longer holds all that may be missed, the session gets one gap notice for each pattern.
class NameWatches {
 public:
  /// The number of the history in a NoticeLog: no object has it.
  static constexpr ObjectId kId{};

  explicit NameWatches(Notifications& notifications) : notifications_(notifications) {}
  NameWatches(const NameWatches&) = delete;
  NameWatches& operator=(const NameWatches&) = delete;

  /// Has the session told of later creations and deletions of objects of that type whose names
  /// match. A session that watches so already is left as it is.
  /// @param type  empty: of any type
  /// @error overloaded  the session watches as many patterns as it may.
  Expected<void> watch(Session& session, std::string_view pattern, std::string_view type);
  /// Ends that watch. Does nothing if there is none.
  void unwatch(Session& session, std::string_view pattern, std::string_view type);
  /// Ends all watches of the session.
  void end(Session& session);

  /// Notes that a named object was created or deleted, on commit. Leaves out anonymous objects.
  void note(const Object& object, bool created) {
    if (!watchers_.empty()) note_change(object, created);
  }

  /// Confirms the notices up to that number, which the client has received.
  void confirm(Session& session, std::uint64_t number);
  /// Has all unconfirmed notices sent again to a session that has resumed, by `send_missed`.
  void rewind(Session& session);
  /// Sends what the session has missed.
  /// @param budget  the bytes of missed notices that it may still get
  void send_missed(Session& session, std::size_t& budget);

  /// Returns the bytes of patterns and history.
  std::size_t bytes_used() const { return bytes_used_ + history_.bytes(); }

 private:
  struct Pattern {
    std::string names;
    NamePattern compiled;
    std::string type;     ///< empty: any
    std::uint64_t since;  ///< the last change that its watcher is not told of
  };
  struct Watcher {
    Follower position;
    std::vector<Pattern> patterns;
  };

  void note_change(const Object& object, bool created);
  void publish(std::string notice);
  static bool is_told(const Watcher& watcher, std::uint64_t number, PackedView notice);
  void trim(std::size_t entries_max, std::size_t bytes_max);

  Notifications& notifications_;
  std::map<SessionId, Watcher> watchers_;
  ChangeFeed history_{0};  // its versions are the numbers of the changes
  std::size_t bytes_used_ = 0;
};

class Notifications {
 public:
  explicit Notifications(Machine& machine) : machine_(machine) {}
  Notifications(const Notifications&) = delete;
  Notifications& operator=(const Notifications&) = delete;

  /// Subscribes the session to the changes of the object after version `after`. Without `after`
  /// it gets the changes after the present version, and a session that watches already is left as
  /// it is.
  /// @error overloaded  the session follows as many feeds as it may.
  Expected<void> watch(Object& object, Session& session, std::optional<std::uint64_t> after);
  /// Does the same for the changes of the entry with that key.
  /// @error type_error, wrong_type  see State::entry_key. @error overloaded
  Expected<void> watch_key(Object& object, PackedView key, Session& session,
                           std::optional<std::uint64_t> after);
  /// Ends `watch`. Does nothing if the session does not watch the object.
  void unwatch(Object& object, Session& session);
  /// Ends `watch_key`. @error type_error, wrong_type
  Expected<void> unwatch_key(Object& object, PackedView key, Session& session);
  /// Subscribes the session to the topic's later notices. @error overloaded
  Expected<void> subscribe(Object& topic, Session& session);
  /// Unsubscribes the session. Does nothing if it is not subscribed.
  void unsubscribe(Object& topic, Session& session);
  /// Unsubscribes the session from all feeds.
  void unfollow_all(Session& session);

  /// Sends the next notice of a topic (a map) to its subscribers and adds it to the history. Within
  /// a transaction, call it through Machine::on_commit.
  void publish_topic(Object& topic, std::uint64_t version, std::string notice);
  /// Publishes the present version of a watched object, on commit: `method` changed it, at `key` if
  /// that is given, and the entries that WatchedKeys has noted.
  void note_change(Object& object, std::string_view method, PackedView key);
  /// Sends the final notice of an object that is being deleted, and ends its feeds.
  void end_feeds(Object& object);

  /// Returns the watches of names.
  NameWatches& names() { return names_; }

  /// Confirms the notices that the client received before the marked reply, which it has
  /// acknowledged.
  void confirm(Session& session);
  /// Has all unconfirmed notices sent again to a session that has resumed.
  void rewind(Session& session);
  /// Sends missed notices to the followers that are behind. Called after each command, so that they
  /// follow its reply.
  void catch_up() {
    if (!behind_.empty()) send_missed();
  }

  /// Drops the histories of objects that have had no watching session for a minute.
  void expire_history();
  /// Returns when there is a history to drop; nullopt if there is none.
  std::optional<Instant> next_expiry() const {
    return expiring_.empty() ? std::nullopt : std::optional{expiring_.front().first};
  }
  /// Returns the bytes of all histories.
  std::size_t bytes_used() const { return bytes_used_ + names_.bytes_used(); }

  Machine& machine() { return machine_; }
  /// Sends a notice to a session, if that is connected.
  void notify(Session& session, PackedView notice);
  /// Sends a notice that lies at `begin` in the bytes of the effects.
  void push_notice(Session& session, std::size_t begin, std::size_t length);
  /// Records a notice that an opened session may not have received.
  void log_notice(Session& session, NoticeLog::Entry entry);

 private:
  /// A feed, its object, and the watched entry if it is the feed of one.
  struct Found {
    Object* object = nullptr;
    ChangeFeed* feed = nullptr;
    const KeyFeed* entry = nullptr;
  };
  Found find(ObjectId id, bool of_topic);
  Expected<void> may_follow(const Session& session, ObjectId id) const;
  static Watches& watches_of(Object& object);
  static KeyFeed* entry_of(Object& object, std::string_view key_bytes);
  KeyFeed& add_entry(Object& object, PackedView key, const std::string& key_bytes);
  void follow(ObjectId id, ChangeFeed& feed, Session& session, std::uint64_t after);
  void unfollow(ObjectId id, ChangeFeed& feed, Session& session);
  void skip(ChangeFeed& feed, std::uint64_t version);
  void publish(ObjectId id, ChangeFeed& feed, std::uint64_t version, std::string notice);
  void trim(ChangeFeed& feed, std::size_t entries_max);
  void end_feed(ObjectId id, ChangeFeed& feed, const std::string& final_notice);
  void drop_entry(Object& object, const KeyFeed& entry);
  void send_missed();
  void send_missed(Session& session, ObjectId id, bool of_topic, std::size_t& budget);

  /// A session that has missed notices of that feed or topic; of all its feeds if the id is 0.
  using Behind = std::pair<SessionId, ObjectId>;

  Machine& machine_;
  NameWatches names_{*this};
  std::size_t bytes_used_ = 0;
  std::vector<Behind> behind_;
  std::deque<std::pair<Instant, ObjectId>> expiring_;  // feeds without watchers, oldest first
  // The object and the comparison key of each feed of an entry. Never iterated, only looked up.
  std::unordered_map<ObjectId, std::pair<ObjectId, std::string>> entries_;
};

}  // namespace agora
