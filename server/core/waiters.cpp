#include "server/core/waiters.hpp"

#include "server/core/object.hpp"
#include "shared/base/assert.hpp"

namespace agora {

Waiters::~Waiters() {
  while (Waiter* waiter = all_.front()) {
    all_.remove(*waiter);
    delete waiter;
  }
}

Waiter& Waiters::park(Waiter start, WaitQueue& queue) {
  auto* waiter = new Waiter(std::move(start));
  waiter->serial = next_serial_++;
  all_.push_back(*waiter);
  OfSession& own = by_session_[waiter->session];
  own.all.push_back(*waiter);
  (waiter->owner.empty() ? own.unnamed : own.named[waiter->owner]).push_back(*waiter);
  if (waiter->until) by_deadline_.emplace(std::pair{*waiter->until, waiter->serial}, waiter);
  waiter->object->waiters.push_back(*waiter);
  queue.push_back(*waiter);
  return *waiter;
}

std::unique_ptr<Waiter> Waiters::remove(Waiter& waiter) {
  waiter.queue->remove(waiter);
  waiter.object->waiters.remove(waiter);
  OfSession& own = by_session_.find(waiter.session)->second;
  own.all.remove(waiter);
  if (waiter.owner.empty()) {
    own.unnamed.remove(waiter);
  } else {
    const auto line = own.named.find(waiter.owner);
    line->second.remove(waiter);
    if (line->second.empty()) own.named.erase(line);
  }
  if (waiter.until) by_deadline_.erase({*waiter.until, waiter.serial});
  all_.remove(waiter);
  return std::unique_ptr<Waiter>{&waiter};
}

void Waiters::move(Waiter& waiter, Object& object, WaitQueue& queue, std::optional<Instant> until) {
  waiter.queue->remove(waiter);
  waiter.object->waiters.remove(waiter);
  if (waiter.until) by_deadline_.erase({*waiter.until, waiter.serial});
  waiter.object = &object;
  waiter.until = until;
  if (until) by_deadline_.emplace(std::pair{*until, waiter.serial}, &waiter);
  object.waiters.push_back(waiter);
  queue.push_back(waiter);
}

Waiter* Waiters::find(SessionId session, LinkId link, std::uint64_t tag) {
  Waiter* waiter = first_of(session);
  while (waiter != nullptr && (waiter->tag != tag || waiter->link != link)) {
    waiter = next_of_session(*waiter);
  }
  return waiter;
}

Waiter* Waiters::find_wire(SessionId session, std::uint64_t id) {
  Waiter* waiter = first_of(session);
  while (waiter != nullptr && waiter->wire != id) waiter = next_of_session(*waiter);
  return waiter;
}

Waiter* Waiters::first_of(SessionId session) const {
  const auto it = by_session_.find(session);
  return it == by_session_.end() ? nullptr : it->second.all.front();
}

std::size_t Waiters::count_of(SessionId session) const {
  const auto it = by_session_.find(session);
  return it == by_session_.end() ? 0 : it->second.all.size();
}

Waiter* Waiters::first_of(SessionId session, std::string_view owner) const {
  const auto it = by_session_.find(session);
  if (it == by_session_.end()) return nullptr;
  if (owner.empty()) return it->second.unnamed.front();
  const auto line = it->second.named.find(std::string{owner});
  return line == it->second.named.end() ? nullptr : line->second.front();
}

Waiter* Waiters::due(Instant now) {
  if (by_deadline_.empty() || by_deadline_.begin()->first.first > now) return nullptr;
  return by_deadline_.begin()->second;
}

std::optional<Instant> Waiters::next_deadline() const {
  if (by_deadline_.empty()) return std::nullopt;
  return by_deadline_.begin()->first.first;
}

}  // namespace agora
