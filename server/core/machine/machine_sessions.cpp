// SPDX-License-Identifier: MIT

// Machine: resumes and ends sessions.
#include <algorithm>
#include <vector>

#include "server/core/machine/machine.hpp"

namespace agora {

void Machine::resume_session(Session& session, Link& link) {
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

void Machine::link_closed(LinkId id) {
  Link* link = sessions_.find(id);
  if (link == nullptr) return;
  Session* session = link->session;
  if (session != nullptr && !session->opened) return end_session(session->id);
  if (session != nullptr) disconnect(*session);
  sessions_.close(id);
  push(Effect::Kind::link_closed, id, 0);
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
  std::vector<std::string> released;
  const IdSet grants = std::exchange(ending->grants, {});
  grants.each([&](ObjectId object_id) {
    Object* object = registry_.find(object_id);
    if (object == nullptr) return;
    released.push_back(object->name);
    object->state->session_ended(*this, *object, id);
    serve_soon(*object);
  });
  const auto ephemerals = std::exchange(ending->ephemerals, {});
  for (const ObjectId object_id : ephemerals) {
    Object* object = registry_.find(object_id);
    if (object == nullptr) continue;
    released.push_back(object->name);
    remove(*object);
  }
  if (!ending->holds.empty()) left_holds_.push_back(std::exchange(ending->holds, {}));
  const LinkId link = ending->link;
  const bool opened = ending->opened;
  const bool may_still_write = ending->mapped && !gone;
  sessions_.end(*ending, std::move(released), now_, input_.limits.lost_sessions_max);
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
