// SPDX-License-Identifier: MIT

// Sessions: the connections (links), their sessions, and the resources of each session.
//
// Each connection begins with a plain session, which ends with the connection. session.open makes
// it an opened session, which outlives its connection and can be resumed over another. An opened
// session ends when the client closes it, when its process is known to be dead, or when its ttl
// passes without a heartbeat. The names of the objects that it released are kept for an hour, in
// case its client asks for them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "server/core/methods/command.hpp"
#include "server/core/state/id_set.hpp"
#include "server/core/state/kept_replies.hpp"
#include "server/core/state/name_scope.hpp"
#include "server/core/state/notice_log.hpp"
#include "server/core/state/waiters.hpp"
#include "shared/base/ids.hpp"
#include "shared/base/time.hpp"

namespace agora {

/// The opened sessions of one identity that have no connection, in the order in which they lost it.
struct DisconnectedSessions {
  std::string identity;
  std::map<std::uint64_t, SessionId> sessions;
};

/// The layout follows cache lines: first the members for each call, then the members for waiting
/// calls.
struct alignas(64) Session {
  SessionId id;
  LinkId link;           ///< its connection; none while it is disconnected
  Instant last_heard{};  ///< the time of the last message, a heartbeat included
  bool opened = false;
  bool mapped = false;  ///< its process maps shared words: no ttl ends it, since a stopped process
                        ///< might write later
  bool scoped = false;  ///< it has a `scope`
  bool unmapped = false;  ///< the client has renounced mapping for good
  IdSet grants;           ///< objects of which it may have grants (see Sessions::granted)

  SessionWaits waits;

  // Used by opened sessions only.
  std::uint64_t last_seen = 0;         ///< the greatest call number received
  std::uint64_t through = 0;           ///< calls up to here are acknowledged
  std::unique_ptr<KeptReplies> calls;  ///< null in a plain session
  std::unique_ptr<NoticeLog> notices;  ///< null in a plain session
  std::string token;
  Duration ttl{};
  Instant part_since{};                   ///< the first progress counted in part_bytes
  std::uint64_t part_bytes = 0;           ///< of a message under way, since then
  std::uint64_t epoch = 0;                ///< the number of links that it has had
  std::uint64_t disconnection = 0;        ///< the number of its last loss of a connection
  DisconnectedSessions* among = nullptr;  ///< that hold it; null: it has a connection

  std::unique_ptr<NameScope> scope;  ///< null: its client may use every name
  Peer peer;
  Instant opened_at{};
  std::map<ObjectId, std::uint64_t> holds;
  std::set<ObjectId> ephemerals;  ///< objects that die with it
  std::set<ObjectId> watches;     ///< objects that it watches, and feeds of entries (KeyFeed)
  std::set<ObjectId> topics;      ///< topics that it is subscribed to

  /// Notes that a part of a message has arrived, or has been sent. It is a heartbeat, as a whole
  /// message is, if it goes on at kPartBytesMin or more in a third of the ttl.
  void note_progress(std::uint64_t bytes, Instant now);
};

/// A session that has ended.
struct LostSession {
  std::string token;
  std::vector<std::string> released;  ///< the names of the first objects that it had
  std::size_t more = 0;               ///< further objects that it had
  Instant until{};                    ///< the time at which this record is dropped

  /// The most names that a record has.
  static constexpr std::size_t kReleasedMax = 100;

  /// Notes that an object was released.
  void note(const std::string& name) {
    released.size() < kReleasedMax ? released.push_back(name) : static_cast<void>(++more);
  }
  /// Returns the bytes of the heap that the record takes, roughly.
  std::size_t bytes() const;
};

/// A connection.
struct Link {
  LinkId id;
  Session* session = nullptr;  ///< null: its session has ended
  SessionId lost;              ///< the session that has ended
  Peer peer;
  bool ring = false;  ///< the client has asked for a ring
};

class Sessions {
 public:
  /// Adds a connection with its plain session.
  Link& open(LinkId id, Peer peer, Instant now);
  /// Returns the connection with that id; null if there is none. O(1).
  Link* find(LinkId id);
  /// Removes a connection; its session stays.
  void close(LinkId id);

  Session* find(SessionId id);
  /// Returns the same as find(id), faster if the session uses that link.
  Session* of(SessionId id, LinkId link);
  std::size_t size() const { return sessions_.size(); }
  /// Returns the bytes of all sessions, with kept replies, holds and records of ended ones,
  /// roughly.
  std::size_t bytes_used() const {
    return sessions_.size() * kSessionBytes + kept_bytes_ + lost_bytes_ + holds_ * kHoldBytes;
  }
  /// Counts `n` more kinds of objects that sessions hold; fewer if it is negative.
  void count_holds(std::ptrdiff_t n) { holds_ += static_cast<std::size_t>(n); }

  /// Makes a plain session an opened one.
  void upgrade(Session& session, Duration ttl, Instant now);
  /// Moves an opened session to that link.
  void attach(Session& session, Link& link);
  /// Notes that an opened session has lost its connection.
  void disconnected(Session& session);
  /// Returns a session without a connection that must end, since there are more than `most` of
  /// them, or more than `identity_most` of one identity; null if there is none. It is the one that
  /// lost its connection first: of the identity of the last one if that has too many, else of the
  /// identity that has most. O(n) for n identities.
  Session* surplus(std::size_t most, std::size_t identity_most);
  /// Removes the session. Of an opened one it keeps `record`, which has the names of its objects.
  /// There are at most `lost_max` records of at most `bytes_max` in all: the oldest give way.
  void end(Session& session, LostSession record, Instant now, std::size_t lost_max,
           std::size_t bytes_max);
  /// Returns the record of an ended session; null if there is none.
  const LostSession* lost(SessionId id) const;

  /// Returns a session whose ttl is over at `now`; null if there is none.
  Session* expired(Instant now);
  /// Returns when a session may expire or the record of an ended one is to be dropped, whichever
  /// is earlier.
  std::optional<Instant> next_deadline() const;
  /// Drops the records of sessions that ended long ago.
  void forget_lost(Instant now);

  /// Records that the session got a grant of `object`. Session::grants may name objects of which
  /// the session has no grant, but never lacks one of which it has.
  void granted(Session& session, ObjectId object) { session.grants.insert(object); }
  void granted(SessionId id, ObjectId object) {
    if (Session* session = find(id)) session->grants.insert(object);
  }
  /// Records that the session has no grant of `object` left.
  void returned(SessionId id, ObjectId object) {
    if (Session* session = find(id)) session->grants.erase(object);
  }

  template <typename Visit>
  void each(Visit&& visit) const {
    for (const SessionId id : ids_) visit(*sessions_.find(id)->second);
  }

  /// Calls `visit(const Session&)` for the sessions with ids above `after`, in order, until it
  /// returns false.
  template <typename Visit>
  void each_after(SessionId after, Visit&& visit) const {
    for (auto it = ids_.upper_bound(after); it != ids_.end(); ++it) {
      if (!visit(*sessions_.find(*it)->second)) return;
    }
  }

 private:
  /// The memory of a session with its connection, and of an object that it holds, in bytes,
  /// roughly.
  static constexpr std::size_t kSessionBytes = 1536;
  static constexpr std::size_t kHoldBytes = 64;

  void forget_oldest_lost();

  std::size_t kept_bytes_ =
      0;  // of kept replies and notice logs; before sessions_, which counts it
  // Never iterated, only looked up; ids_ has the order.
  std::unordered_map<SessionId, std::unique_ptr<Session>> sessions_;
  std::set<SessionId> ids_;
  std::unordered_map<LinkId, Link> links_;
  Link* last_found_ = nullptr;  // a cache: calls come in runs
  void reconnected(Session& session);

  std::map<std::string, DisconnectedSessions> disconnected_;  // by identity; none is empty
  DisconnectedSessions* last_disconnected_ = nullptr;         // those of the last one
  std::size_t disconnected_count_ = 0;                        // sessions of all identities
  std::uint64_t disconnections_ = 0;                          // ever
  // When each opened session is next checked for expiry. A heartbeat does not move that time; the
  // check does, if the session has been heard of since.
  std::set<std::pair<Instant, SessionId>> checks_;
  std::map<SessionId, LostSession> lost_;
  std::set<std::pair<Instant, SessionId>> lost_until_;
  std::size_t lost_bytes_ = 0;
  std::size_t holds_ = 0;
};

}  // namespace agora
