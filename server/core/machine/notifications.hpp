// SPDX-License-Identifier: MIT

// Notifications: sends the notices of change feeds to their followers, and the missed ones to
// sessions that were disconnected.
//
// A session follows the changes of an object (object.watch) or a topic. Each new version of a feed
// is one notice, pushed over the session's connection at once. A notice that a broken connection
// may have lost is sent again once the session has resumed. If the feed's history no longer holds
// it, a gap notice is sent instead.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/core/state/change_feed.hpp"
#include "server/core/state/notice_log.hpp"
#include "shared/base/ids.hpp"
#include "shared/base/time.hpp"
#include "shared/value/packed.hpp"

namespace agora {

class Machine;
struct Object;
struct Session;

class Notifications {
 public:
  explicit Notifications(Machine& machine) : machine_(machine) {}
  Notifications(const Notifications&) = delete;
  Notifications& operator=(const Notifications&) = delete;

  /// Subscribes the session to the changes of the object after version `after`. Without `after`
  /// it gets the changes after the present version, and a session that watches already is left as
  /// it is.
  void watch(Object& object, Session& session, std::optional<std::uint64_t> after);
  /// Subscribes the session to the feed's notices after version `after`. Notices that the feed has
  /// already sent to others follow the reply to the present call.
  void follow(Object& object, ChangeFeed& feed, Session& session, std::uint64_t after);
  /// Unsubscribes the session. Does nothing if it does not follow the feed.
  void unfollow(Object& object, ChangeFeed& feed, Session& session);
  /// Unsubscribes the session from all feeds.
  void unfollow_all(Session& session);

  /// Sends the next notice of the feed (a map) to its followers and adds it to the history. Within
  /// a transaction, call it through Machine::on_commit.
  void publish(Object& object, ChangeFeed& feed, std::uint64_t version, std::string notice);
  /// Publishes the present version of a watched object, on commit: `method` changed it, at `key` if
  /// that is given.
  void note_change(Object& object, std::string_view method, PackedView key);
  /// Sends the final notice of an object that is being deleted, and ends its feeds.
  void end_feeds(Object& object);

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
  std::size_t bytes_used() const { return bytes_used_; }

 private:
  ChangeFeed* feed_of(ObjectId id, bool of_topic);
  void trim(ChangeFeed& feed, std::size_t entries_max);
  void push_notice(LinkId link, std::size_t begin, std::size_t length);
  void notify(const Session& session, PackedView notice);
  void log_notice(Session& session, NoticeLog::Entry entry);
  void send_missed();
  void send_missed(Session& session, ObjectId id, bool of_topic, std::size_t& budget);

  /// A session that has missed notices of that object's feeds; of all its feeds if the id is 0.
  using Behind = std::pair<SessionId, ObjectId>;

  Machine& machine_;
  std::size_t bytes_used_ = 0;
  std::vector<Behind> behind_;
  std::deque<std::pair<Instant, ObjectId>> expiring_;  // objects without watchers, oldest first
};

}  // namespace agora
