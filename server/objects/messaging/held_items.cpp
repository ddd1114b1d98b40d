// SPDX-License-Identifier: MIT

#include "server/objects/messaging/held_items.hpp"

#include <algorithm>
#include <iterator>

#include "shared/base/assert.hpp"

namespace agora {

bool HeldItems::has(SessionId session) const {
  const auto reserved = by_session_.lower_bound({session, 0});
  if (reserved != by_session_.end() && reserved->first == session) return true;
  const auto got = got_.lower_bound({session, 0});
  return got != got_.end() && got->first.first == session;
}

void HeldItems::reserve(const Reservation& reservation) {
  by_session_.emplace(reservation.session, reservation.id);
  if (reservation.until) by_lease_.emplace(*reservation.until, reservation.id);
  reserved_.emplace(reservation.id, reservation);
}

const Reservation* HeldItems::find(std::uint64_t id) const {
  const auto it = reserved_.find(id);
  return it == reserved_.end() ? nullptr : &it->second;
}

Reservation HeldItems::release(std::uint64_t id) {
  auto node = reserved_.extract(id);
  AGORA_ASSERT(!node.empty());
  const Reservation& reservation = node.mapped();
  by_session_.erase({reservation.session, id});
  if (reservation.until) by_lease_.erase({*reservation.until, id});
  return reservation;
}

void HeldItems::extend(std::uint64_t id, Instant until) {
  Reservation& reservation = reserved_.at(id);
  if (reservation.until) by_lease_.erase({*reservation.until, id});
  reservation.until = until;
  by_lease_.emplace(until, id);
}

std::optional<Instant> HeldItems::next_lease() const {
  if (by_lease_.empty()) return std::nullopt;
  return by_lease_.begin()->first;
}

std::optional<Reservation> HeldItems::due(Instant now) {
  if (by_lease_.empty() || by_lease_.begin()->first > now) return std::nullopt;
  return release(by_lease_.begin()->second);
}

void HeldItems::got(const GotItem& got) {
  got_.emplace(GotKey{got.session, got.number}, got.item);
  ++consumers_[got.session].got;
}

Consumer HeldItems::consumer(SessionId session) const {
  const auto it = consumers_.find(session);
  return it == consumers_.end() ? Consumer{} : it->second;
}

void HeldItems::set_consumer(SessionId session, const Consumer& consumer) {
  if (consumer.got == 0 && consumer.owed == 0) {
    consumers_.erase(session);
  } else {
    consumers_[session] = consumer;
  }
}

void HeldItems::done(SessionId session) {
  Consumer left = consumer(session);
  if (left.owed > 0) {
    --left.owed;
  } else if (left.early < left.got) {
    ++left.early;
  }
  set_consumer(session, left);
}

std::vector<QueueItem> HeldItems::take_got(SessionId session, std::uint64_t number) {
  std::vector<QueueItem> items;
  const auto [begin, end] = got_.equal_range({session, number});
  for (auto it = begin; it != end; ++it) items.push_back(it->second);
  got_.erase(begin, end);
  return items;
}

std::vector<QueueItem> HeldItems::arrived(SessionId session, std::uint64_t number) {
  std::vector<QueueItem> items = take_got(session, number);
  if (items.empty()) return items;
  Consumer left = consumer(session);
  const std::uint64_t reported = std::min<std::uint64_t>(left.early, items.size());
  left.got -= items.size();
  left.early -= reported;
  left.owed += items.size() - reported;
  set_consumer(session, left);
  return items;
}

std::vector<QueueItem> HeldItems::declined(SessionId session, std::uint64_t number,
                                           std::uint64_t& early) {
  std::vector<QueueItem> items = take_got(session, number);
  Consumer left = consumer(session);
  left.got -= items.size();
  early = left.early - std::min(left.early, left.got);
  left.early -= early;
  set_consumer(session, left);
  return items;
}

void HeldItems::forget_last(SessionId session, std::uint64_t number) {
  const auto behind = got_.upper_bound({session, number});
  AGORA_ASSERT(behind != got_.begin());
  got_.erase(std::prev(behind));
  Consumer left = consumer(session);
  --left.got;
  set_consumer(session, left);
}

std::vector<QueueItem> HeldItems::take_all(SessionId session) {
  std::vector<QueueItem> items;
  while (true) {
    const auto it = by_session_.lower_bound({session, 0});
    if (it == by_session_.end() || it->first != session) break;
    items.push_back(release(it->second).item);
  }
  const auto begin = got_.lower_bound({session, 0});
  auto end = begin;
  for (; end != got_.end() && end->first.first == session; ++end) items.push_back(end->second);
  got_.erase(begin, end);
  consumers_.erase(session);
  std::sort(items.begin(), items.end(),
            [](const QueueItem& a, const QueueItem& b) { return b < a; });
  return items;
}

QueueItem HeldItems::take_any() {
  if (!reserved_.empty()) return release(reserved_.begin()->first).item;
  return got_.extract(got_.begin()).mapped();
}

}  // namespace agora
