// Who is there, and what each session has: holds, ephemeral objects, grants.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>

#include "server/core/command.hpp"
#include "shared/base/ids.hpp"
#include "shared/base/time.hpp"

namespace agora {

struct Session {
  SessionId id;
  Peer peer;
  Instant opened{};
  std::map<ObjectId, std::uint64_t> holds;
  std::set<ObjectId> ephemerals;             ///< objects that die with it
  std::map<ObjectId, std::uint64_t> grants;  ///< objects where it holds something, and how often
};

class Sessions {
 public:
  Session& open(SessionId id, Peer peer, Instant now) {
    Session& session = sessions_[id];
    session.id = id;
    session.peer = std::move(peer);
    session.opened = now;
    return session;
  }
  Session* find(SessionId id) {
    const auto it = sessions_.find(id);
    return it == sessions_.end() ? nullptr : &it->second;
  }
  void close(SessionId id) { sessions_.erase(id); }
  std::size_t size() const { return sessions_.size(); }

  /// A grant of `object` was given to the session, or has come back.
  void granted(SessionId id, ObjectId object) {
    if (Session* session = find(id)) ++session->grants[object];
  }
  void returned(SessionId id, ObjectId object) {
    Session* session = find(id);
    if (session == nullptr) return;
    const auto it = session->grants.find(object);
    if (it != session->grants.end() && --it->second == 0) session->grants.erase(it);
  }

  template <typename Visit>
  void each(Visit&& visit) const {
    for (const auto& [id, session] : sessions_) visit(session);
  }

 private:
  std::map<SessionId, Session> sessions_;
};

}  // namespace agora
