// Who is there: connections (links), the sessions that they speak for, and what each session has.
//
// A connection begins with a plain session of its own, which ends with it. session.open makes that
// session an opened one: it outlives cuts, is resumed over other links, and ends by close, by
// proof of death, or when its ttl passes without a sign of life. What an ended one gave back is
// remembered for an hour, for its owner to ask.
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
#include "server/core/state/notice_log.hpp"
#include "server/core/state/waiters.hpp"
#include "shared/base/ids.hpp"
#include "shared/base/time.hpp"

namespace agora {

/// Laid out in cache lines: what every call touches, then what every waiting call touches.
struct alignas(64) Session {
  SessionId id;
  LinkId link;      ///< over which it speaks now; none: it is cut off
  Instant alive{};  ///< the last sign of life
  bool opened = false;
  bool mapped = false;  ///< it may write to shared words: it has no ttl, as a stopped process could
  bool unmapped = false;  ///< it has said that it maps nothing, now or ever
  IdSet grants;           ///< objects where it may hold something

  SessionWaits waits;

  // Of an opened session.
  std::uint64_t last_seen = 0;         ///< the greatest call number so far
  std::uint64_t through = 0;           ///< calls up to here are acknowledged
  std::unique_ptr<KeptReplies> calls;  ///< there in an opened session only
  std::unique_ptr<NoticeLog> notices;  ///< those that may not have arrived; there as `calls` is
  std::string token;
  Duration ttl{};
  std::uint64_t epoch = 0;  ///< how many links it had

  Peer peer;
  Instant opened_at{};
  std::map<ObjectId, std::uint64_t> holds;
  std::set<ObjectId> ephemerals;  ///< objects that die with it
  std::set<ObjectId> watches;     ///< objects whose changes it hears of
  std::set<ObjectId> topics;      ///< topics that it is subscribed to
};

/// A session that is over.
struct LostSession {
  std::string token;
  std::vector<std::string> released;  ///< names of what it had
  Instant until{};                    ///< then it is forgotten
};

/// A connection.
struct Link {
  LinkId id;
  Session* session = nullptr;  ///< none: its session has ended
  SessionId lost;              ///< which that was
  Peer peer;
  bool ring = false;  ///< it has asked for one
};

class Sessions {
 public:
  /// A new connection with its plain session.
  Link& open(LinkId id, Peer peer, Instant now);
  /// The connection with that id, or none. O(1).
  Link* find(LinkId id);
  /// Forgets a connection; its session stays.
  void close(LinkId id);

  Session* find(SessionId id);
  /// The same, quicker if it speaks over that link.
  Session* of(SessionId id, LinkId link);
  std::size_t size() const { return sessions_.size(); }

  /// Makes a plain session an opened one.
  void upgrade(Session& session, Duration ttl, Instant now);
  /// Lets an opened session speak over that link from now on.
  void attach(Session& session, Link& link);
  /// Takes the session out; what it gave back is remembered if it was an opened one, of at most
  /// `lost_max` sessions.
  void end(Session& session, std::vector<std::string> released, Instant now, std::size_t lost_max);
  /// What is remembered of an ended session; none: nothing.
  const LostSession* lost(SessionId id) const;

  /// A session whose ttl is over at `now`, or none.
  Session* silent(Instant now);
  /// When there may be one, or something to forget.
  std::optional<Instant> next_deadline() const;
  /// Forgets sessions that ended long ago.
  void forget_lost(Instant now);

  /// A grant of `object` was given to the session, or none is left there. Grants may name an
  /// object where nothing is held any more, but never miss one where something is.
  void granted(Session& session, ObjectId object) { session.grants.insert(object); }
  void granted(SessionId id, ObjectId object) {
    if (Session* session = find(id)) session->grants.insert(object);
  }
  void returned(SessionId id, ObjectId object) {
    if (Session* session = find(id)) session->grants.erase(object);
  }

  template <typename Visit>
  void each(Visit&& visit) const {
    for (const SessionId id : ids_) visit(*sessions_.find(id)->second);
  }

 private:
  // Looked up only, never walked; the order is that of ids_.
  std::unordered_map<SessionId, std::unique_ptr<Session>> sessions_;
  std::set<SessionId> ids_;
  std::unordered_map<LinkId, Link> links_;
  Link* last_found_ = nullptr;  // calls come in runs
  // When each opened session is looked at next; moved on only then, not with each sign of life.
  std::set<std::pair<Instant, SessionId>> looks_;
  std::map<SessionId, LostSession> lost_;
  std::set<std::pair<Instant, SessionId>> lost_until_;
};

}  // namespace agora
