// SPDX-License-Identifier: MIT

#include "server/core/state/waiters.hpp"

#include <vector>

#include "server/core/state/object.hpp"
#include "server/core/state/sessions.hpp"
#include "shared/base/assert.hpp"

namespace agora {

Waiters::~Waiters() {
  while (Waiter* waiter = all_.front()) {
    all_.remove(*waiter);
    delete waiter;
  }
}

void Waiter::set_guard(PackedView guard) {
  if (rare == nullptr) rare = std::make_unique<RareParts>();
  rare->guard = std::make_unique<Packed>(guard);
}

void Waiter::drop_guard() {
  if (rare != nullptr) rare->guard.reset();
}

void Waiters::enter(Waiter& waiter, WaitQueue& queue) {
  waiter.object->waiters.push_back(waiter);
  queue.push_back(waiter);
}

void Waiters::leave(Waiter& waiter) {
  waiter.queue->remove(waiter);
  waiter.object->waiters.remove(waiter);
}

Waiter& Waiters::park(Waiter start, WaitQueue& queue) {
  Waiter& waiter = add(std::move(start));
  enter(waiter, queue);
  return waiter;
}

Waiter& Waiters::park(Waiter start, std::span<const WaitPlace> places) {
  start.object = places.front().object;
  if (start.rare == nullptr) start.rare = std::make_unique<RareParts>();
  Waiter& waiter = add(std::move(start));
  for (const WaitPlace& each : places) {
    auto& place = *waiter.rare->places.emplace_back(std::make_unique<Waiter>());
    place.object = each.object;
    place.rare = std::make_unique<RareParts>();
    place.rare->call = &waiter;
    enter(place, *each.queue);
  }
  waiter.home->waits.further_places += places.size() - 1;
  further_places_ += places.size() - 1;
  return waiter;
}

bool Waiters::leave_place(Waiter& place) {
  Waiter& waiter = place.of_call();
  if (waiter.places().size() < 2) return false;
  leave(place);
  std::erase_if(waiter.rare->places, [&](const auto& each) { return each.get() == &place; });
  waiter.object = waiter.rare->places.front()->object;
  --waiter.home->waits.further_places;
  --further_places_;
  return true;
}

/// Adds a waiter to all indexes, but to no queue.
Waiter& Waiters::add(Waiter start) {
  auto* waiter = new Waiter(std::move(start));
  waiter->serial = next_serial_++;
  // The key is in an index of its object, too, and the owner in one of its session.
  waiter->counted = 2 * (waiter->key.bytes().size() + waiter->owner.size()) +
                    waiter->items.capacity() * sizeof(Handle);
  if (const Packed* guard = waiter->guard()) waiter->counted += guard->bytes().size();
  texts_bytes_ += waiter->counted;
  all_.push_back(*waiter);
  SessionWaits& own = waiter->home->waits;
  own.all.push_back(*waiter);
  if (waiter->owner.empty()) {
    own.unnamed.push_back(*waiter);
  } else {
    if (!own.named) own.named = std::make_unique<decltype(own.named)::element_type>();
    (*own.named)[waiter->owner].push_back(*waiter);
  }
  if (own.by_wire) own.by_wire->emplace(std::pair{waiter->wire, waiter->serial}, waiter);
  if (waiter->until) by_deadline_.emplace(std::pair{*waiter->until, waiter->serial}, waiter);
  return *waiter;
}

std::unique_ptr<Waiter> Waiters::remove(Waiter& removed) {
  Waiter& waiter = removed.of_call();
  SessionWaits& own = waiter.home->waits;
  if (const auto places = waiter.places(); places.empty()) {
    leave(waiter);
  } else {
    for (const auto& place : places) leave(*place);
    own.further_places -= places.size() - 1;
    further_places_ -= places.size() - 1;
  }
  own.all.remove(waiter);
  if (waiter.owner.empty()) {
    own.unnamed.remove(waiter);
  } else {
    const auto line = own.named->find(waiter.owner);
    line->second.remove(waiter);
    if (line->second.empty()) own.named->erase(line);
  }
  if (own.by_wire) own.by_wire->erase({waiter.wire, waiter.serial});
  if (own.by_wire && own.all.empty()) own.by_wire.reset();
  if (waiter.until) by_deadline_.erase({*waiter.until, waiter.serial});
  texts_bytes_ -= waiter.counted;
  all_.remove(waiter);
  return std::unique_ptr<Waiter>{&waiter};
}

void Waiters::move(Waiter& waiter, Object& object, WaitQueue& queue, std::optional<Instant> until) {
  ++moves_;
  leave(waiter);
  set_deadline(waiter, until);
  waiter.object = &object;
  enter(waiter, queue);
}

void Waiters::set_deadline(Waiter& waiter, std::optional<Instant> until) {
  if (waiter.until) by_deadline_.erase({*waiter.until, waiter.serial});
  waiter.until = until;
  if (until) by_deadline_.emplace(std::pair{*until, waiter.serial}, &waiter);
}

Waiter* Waiters::find(SessionId session, LinkId link, std::uint64_t tag) {
  Waiter* waiter = first_of(session);
  while (waiter != nullptr && (waiter->tag != tag || waiter->link != link)) {
    waiter = next_of_session(*waiter);
  }
  return waiter;
}

Waiter* Waiters::find_wire(Session& session, std::uint64_t id) {
  constexpr std::size_t kMany = 16;
  SessionWaits& own = session.waits;
  if (!own.by_wire && own.all.size() > kMany) {
    own.by_wire = std::make_unique<SessionWaits::ByWire>();
    for (Waiter* each = own.all.front(); each != nullptr; each = next_of_session(*each)) {
      own.by_wire->emplace(std::pair{each->wire, each->serial}, each);
    }
  }
  if (own.by_wire) {
    const auto it = own.by_wire->lower_bound({id, 0});
    return it != own.by_wire->end() && it->first.first == id ? it->second : nullptr;
  }
  Waiter* waiter = own.all.front();
  while (waiter != nullptr && waiter->wire != id) waiter = next_of_session(*waiter);
  return waiter;
}

void Waiters::rebind_resent_call(Waiter& waiter, const Caller& caller) {
  if (SessionWaits& own = waiter.home->waits; own.by_wire) {
    own.by_wire->erase({waiter.wire, waiter.serial});
    own.by_wire->emplace(std::pair{caller.wire, waiter.serial}, &waiter);
  }
  waiter.link = caller.link;
  waiter.tag = caller.tag;
  waiter.wire = caller.wire;
}

const SessionWaits* Waiters::of(SessionId id) const {
  const Session* session = sessions_.find(id);
  return session == nullptr ? nullptr : &session->waits;
}

Waiter* Waiters::first_of(SessionId session) const {
  const SessionWaits* own = of(session);
  return own == nullptr ? nullptr : own->all.front();
}

std::size_t Waiters::count_of(SessionId session) const {
  const SessionWaits* own = of(session);
  return own == nullptr ? 0 : own->all.size() + own->further_places;
}

Waiter* Waiters::first_of(SessionId session, std::string_view owner) const {
  const SessionWaits* own = of(session);
  if (own == nullptr) return nullptr;
  if (owner.empty()) return own->unnamed.front();
  if (!own->named) return nullptr;
  const auto line = own->named->find(std::string{owner});
  return line == own->named->end() ? nullptr : line->second.front();
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
