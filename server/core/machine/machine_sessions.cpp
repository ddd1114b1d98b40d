// SPDX-License-Identifier: MIT

// Machine: resumes and ends sessions.
#include <algorithm>
#include <vector>

#include "server/core/machine/machine.hpp"
#include "shared/value/references.hpp"

namespace agora {

void Machine::log_in(Link& link, const IdentityPointer& identity) {
  link.peer.identity = identity;
  link.peer.role = identity->role;
  // Memory that a client maps shows it every object, and lets it write lock words.
  if (identity->role < Role::write || !identity->names.empty()) link.peer.may_map = false;
  Session* const session = link.session;
  if (session == nullptr) return;
  // An opened session stays the client's that has opened it, until another connection resumes it.
  const IdentityPointer opener = session->opened ? session->peer.identity : identity;
  set_rights(*session, link.peer);
  session->peer.identity = opener;
}

/// Gives the session the rights of the client on its connection.
void Machine::set_rights(Session& session, const Peer& peer) {
  session.peer.identity = peer.identity;
  session.peer.role = peer.role;
  session.peer.may_map = session.peer.may_map && peer.may_map;
  const std::string names = peer.identity ? peer.identity->names : std::string{};
  session.scoped = !names.empty();
  if (!session.scoped) {
    session.scope.reset();
  } else if (session.scope) {
    session.scope->set_prefix(names);
  } else {
    session.scope = std::make_unique<NameScope>(names);
  }
}

void Machine::give_names(Session& session, PackedView value) {
  if (!has_references(value)) return;
  each_reference(value, [&](std::string_view name) {
    if (!name.starts_with('#')) return;
    session.scope->give(name,
                        [&](const std::string& each) { return registry_.find(each) != nullptr; });
  });
}

void Machine::resume_session(Session& session, Link& link) {
  const bool could_map = session.peer.may_map;
  set_rights(session, link.peer);
  session.peer.may_map = could_map;
  const SessionId plain = link.session->id;
  const LinkId older = session.link;
  disconnect(session);
  sessions_.attach(session, link);
  if (older && older != link.id) {
    sessions_.close(older);
    session.link = link.id;
    push(Effect::Kind::link_closed, older, 0);
  }
  end_session(plain);
  notifications_.rewind(session);
  const auto now = session.mapped ? Effect::Kind::session_moved : Effect::Kind::session_attached;
  push(now, link.id, 0).session = session.id;
}

/// Detaches the session from its connection. Its waiters keep their places in the queues; the
/// client gets their replies when it resends the calls. A call without a number cannot be resent:
/// it is cancelled, so that it has no effect.
void Machine::disconnect(Session& session) {
  std::vector<Waiter*> lost;
  for (Waiter* waiter = waiters_.first_of(session.id); waiter != nullptr;
       waiter = Waiters::next_of_session(*waiter)) {
    waiter->link = {};
    if (waiter->number == 0) lost.push_back(waiter);
  }
  for (Waiter* waiter : lost) refuse(*waiter, Errc::cancelled, "its connection was cut");
}

void Machine::open_link(LinkId id, const Peer& peer) {
  Link& link = sessions_.open(id, peer, now_);
  if (peer.identity && peer.identity->has_logged_in()) log_in(link, peer.identity);
}

void Machine::link_closed(LinkId id) {
  Link* link = sessions_.find(id);
  if (link == nullptr) return;
  Session* session = link->session;
  if (session != nullptr && !session->opened) return end_session(session->id);
  if (session != nullptr) disconnect(*session);
  sessions_.close(id);
  push(Effect::Kind::link_closed, id, 0);
  if (session == nullptr) return;
  sessions_.disconnected(*session);
  const Limits& limits = input_.limits;
  const Session* const surplus =
      sessions_.surplus(limits.disconnected_max, limits.disconnected_identity_max);
  if (surplus != nullptr) end_session(surplus->id);
}

void Machine::end_waits(SessionId id) {
  std::vector<std::unique_ptr<Waiter>> waited;
  while (Waiter* waiter = waiters_.first_of(id)) {
    spend(kProbeUnits);
    waited.push_back(waiters_.remove(*waiter));
    if (!waited.back()->link) continue;
    push_failure(waited.back()->link, waited.back()->tag,
                 {Errc::session_lost, "the session has ended while the call waited", Done::no, {}});
  }
  for (const auto& waiter : waited) waiter_left(*waiter);
}

/// Replies to all waiting calls that the server ends. All of them leave before any object is told,
/// so that no waiter gets what another one gives up.
void Machine::end_all_waits() {
  std::vector<std::unique_ptr<Waiter>> waited;
  while (Waiter* waiter = waiters_.first()) {
    spend(kProbeUnits);
    waited.push_back(waiters_.remove(*waiter));
    conclude(*waited.back(),
             {Errc::session_lost, "the server ended while the call waited", Done::no, {}});
  }
  for (const auto& waiter : waited) waiter_left(*waiter);
}

void Machine::end_session(SessionId id, bool gone) {
  Session* ending = sessions_.find(id);
  if (ending == nullptr) return;
  // Locks that its threads took in shared memory become grants here too, and are freed below.
  for (const ObjectId lock : lending().held_by(id)) {
    if (Object* object = registry_.find(lock)) recall_lock(*this, *object);
  }
  lending().session_ended(id, gone || !ending->mapped);
  // The session's waiters leave first, so that nothing is granted to it. Only then are the waiters
  // behind them served.
  end_waits(id);
  notifications_.unfollow_all(*ending);
  LostSession released;
  const IdSet grants = std::exchange(ending->grants, {});
  grants.each([&](ObjectId object_id) {
    Object* object = registry_.find(object_id);
    if (object == nullptr) return;
    released.note(object->name);
    object->state->session_ended(*this, *object, id);
    serve_soon(*object);
  });
  const auto ephemerals = std::exchange(ending->ephemerals, {});
  for (const ObjectId object_id : ephemerals) {
    Object* object = registry_.find(object_id);
    if (object == nullptr) continue;
    released.note(object->name);
    remove(*object);
  }
  if (!ending->holds.empty()) left_holds_.push_back(std::exchange(ending->holds, {}));
  const LinkId link = ending->link;
  const bool opened = ending->opened;
  const bool may_still_write = ending->mapped && !gone;
  const Limits& most = input_.limits;
  sessions_.end(*ending, std::move(released), now_, most.lost_sessions_max,
                most.memory_bytes_max == 0
                    ? most.lost_bytes_max
                    : std::min(most.lost_bytes_max, most.memory_bytes_max / 16));
  if (opened) {
    push(Effect::Kind::session_ended, link, 0).session = id;
    // The client must stop using its mappings; the closed connection tells it that the session is
    // over.
    if (may_still_write && sessions_.find(link) != nullptr) {
      sessions_.close(link);
      push(Effect::Kind::link_closed, link, 0);
    }
  } else if (Link* plain = sessions_.find(link); plain != nullptr && plain->lost == id) {
    sessions_.close(link);
    push(Effect::Kind::link_closed, link, 0);
  }
}

}  // namespace agora
