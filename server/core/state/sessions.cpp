// SPDX-License-Identifier: MIT

#include "server/core/state/sessions.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace agora {
namespace {

constexpr Duration kLostRetention = std::chrono::hours{1};

// A check that comes later than this means that the server itself was stalled: heartbeats may be
// unread in its sockets. No session expires before the server could read them.
constexpr Duration kStalled = std::chrono::milliseconds{500};
constexpr Duration kGracePeriod = std::chrono::seconds{1};

/// Returns the identity that bounds the sessions of its clients without a connection.
std::string identity_of(const Session& session) {
  return session.peer.identity ? session.peer.identity->text() : std::string{};
}

}  // namespace

Link& Sessions::open(LinkId id, Peer peer, Instant now) {
  Link& link = links_[id];
  link.id = id;
  link.peer = peer;
  const SessionId session_id{id.number};
  auto& made = sessions_[session_id];
  made = std::make_unique<Session>();
  ids_.insert(session_id);
  Session& session = *made;
  session.id = session_id;
  session.peer = std::move(peer);
  session.opened_at = session.last_heard = now;
  session.link = id;
  link.session = &session;
  return link;
}

Link* Sessions::find(LinkId id) {
  if (last_found_ != nullptr && last_found_->id == id) return last_found_;
  const auto it = links_.find(id);
  if (it == links_.end()) return nullptr;
  return last_found_ = &it->second;
}

void Sessions::close(LinkId id) {
  last_found_ = nullptr;
  const auto it = links_.find(id);
  if (it == links_.end()) return;
  if (Session* session = it->second.session; session != nullptr && session->link == id) {
    session->link = {};
  }
  links_.erase(it);
}

Session* Sessions::find(SessionId id) {
  if (last_found_ != nullptr && last_found_->session != nullptr && last_found_->session->id == id) {
    return last_found_->session;
  }
  const auto it = sessions_.find(id);
  return it == sessions_.end() ? nullptr : it->second.get();
}

Session* Sessions::of(SessionId id, LinkId link_id) {
  if (Link* link = find(link_id); link != nullptr && link->session != nullptr) {
    if (link->session->id == id) return link->session;
  }
  return find(id);
}

void Sessions::upgrade(Session& session, Duration ttl, Instant now) {
  session.opened = true;
  session.ttl = ttl;
  session.last_heard = now;
  session.epoch = 1;
  session.calls = std::make_unique<KeptReplies>(kept_bytes_);
  session.notices = std::make_unique<NoticeLog>(kept_bytes_);
  checks_.insert({now + ttl, session.id});
}

void Sessions::attach(Session& session, Link& link) {
  reconnected(session);
  session.link = link.id;
  link.session = &session;
  ++session.epoch;
}

void Sessions::disconnected(Session& session) {
  reconnected(session);
  DisconnectedSessions& same = disconnected_[identity_of(session)];
  same.identity = identity_of(session);
  session.disconnection = ++disconnections_;
  session.among = &same;
  same.sessions.emplace(session.disconnection, session.id);
  last_disconnected_ = &same;
  ++disconnected_count_;
}

void Sessions::reconnected(Session& session) {
  DisconnectedSessions* const same = std::exchange(session.among, nullptr);
  if (same == nullptr) return;
  same->sessions.erase(session.disconnection);
  --disconnected_count_;
  if (!same->sessions.empty()) return;
  if (last_disconnected_ == same) last_disconnected_ = nullptr;
  disconnected_.erase(std::string{same->identity});
}

Session* Sessions::surplus(std::size_t most, std::size_t identity_most) {
  const DisconnectedSessions* from = last_disconnected_;
  if (from == nullptr || from->sessions.size() <= identity_most) {
    if (disconnected_count_ <= most) return nullptr;
    from = &std::ranges::max_element(disconnected_, {}, [](const auto& each) {
              return each.second.sessions.size();
            })->second;
  }
  return find(from->sessions.begin()->second);
}

std::size_t LostSession::bytes() const {
  constexpr std::size_t kRecordBytes = 320;  // with its places in the two indexes
  std::size_t bytes = kRecordBytes + released.capacity() * sizeof(std::string);
  for (const std::string& name : released) bytes += name.size();
  return bytes;
}

void Sessions::forget_oldest_lost() {
  const auto oldest = lost_.find(lost_until_.begin()->second);
  lost_bytes_ -= oldest->second.bytes();
  lost_.erase(oldest);
  lost_until_.erase(lost_until_.begin());
}

void Sessions::end(Session& session, LostSession record, Instant now, std::size_t lost_max,
                   std::size_t bytes_max) {
  reconnected(session);
  const SessionId id = session.id;
  if (Link* link = find(session.link); link != nullptr && link->session == &session) {
    link->session = nullptr;
    link->lost = id;
  }
  if (session.opened) {
    record.token = std::move(session.token);
    record.until = now + kLostRetention;
    lost_bytes_ += record.bytes();
    lost_[id] = std::move(record);
    lost_until_.insert({now + kLostRetention, id});
    while (lost_.size() > lost_max || (lost_bytes_ > bytes_max && lost_.size() > 1)) {
      forget_oldest_lost();
    }
  }
  count_holds(-static_cast<std::ptrdiff_t>(session.holds.size()));
  ids_.erase(id);
  sessions_.erase(id);
}

void Session::note_progress(std::uint64_t bytes, Instant now) {
  // A link may be slow, but a client that sends less is as good as silent.
  constexpr std::uint64_t kPartBytesMin = 1024;
  if (now - part_since > ttl / 3) {
    part_since = now;
    part_bytes = 0;
  }
  part_bytes += bytes;
  if (part_bytes < kPartBytesMin) return;
  last_heard = now;
  part_since = now;
  part_bytes = 0;
}

const LostSession* Sessions::lost(SessionId id) const {
  const auto it = lost_.find(id);
  return it == lost_.end() ? nullptr : &it->second;
}

Session* Sessions::expired(Instant now) {
  while (!checks_.empty() && checks_.begin()->first <= now) {
    const auto [when, id] = *checks_.begin();
    checks_.erase(checks_.begin());
    Session* session = find(id);
    if (session == nullptr) continue;
    const Instant end = session->last_heard + session->ttl;
    if (session->mapped) {
      checks_.insert({now + session->ttl, id});
    } else if (end > now) {
      checks_.insert({end, id});
    } else if (now - when > kStalled) {
      checks_.insert({now + kGracePeriod, id});
    } else {
      return session;
    }
  }
  return nullptr;
}

std::optional<Instant> Sessions::next_deadline() const {
  if (checks_.empty() && lost_until_.empty()) return std::nullopt;
  if (checks_.empty()) return lost_until_.begin()->first;
  if (lost_until_.empty()) return checks_.begin()->first;
  return std::min(checks_.begin()->first, lost_until_.begin()->first);
}

void Sessions::forget_lost(Instant now) {
  while (!lost_until_.empty() && lost_until_.begin()->first <= now) {
    forget_oldest_lost();
  }
}

}  // namespace agora
