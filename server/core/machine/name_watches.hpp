// SPDX-License-Identifier: MIT

// NameWatches: tells sessions which named objects are created and deleted (object.watch_names).
//
// A session watches patterns of names. Each creation and deletion of a named object is one notice
// for each session, however many of its patterns match. All changes of names have one history,
// which is kept while a session watches names. From it a session that was disconnected catches up;
// if it no longer holds all that may be missed, the session gets one gap notice for each pattern.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "server/core/state/change_feed.hpp"
#include "shared/base/expected.hpp"
#include "shared/base/ids.hpp"

namespace agora {

class Notifications;
struct Object;
struct Session;

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

}  // namespace agora
