#include "server/core/waiters.hpp"

#include "shared/base/assert.hpp"

namespace agora {

void WaitQueue::push_back(Waiter& waiter) {
  waiter.queue = this;
  waiter.next = nullptr;
  waiter.previous = last_;
  if (last_ != nullptr) {
    last_->next = &waiter;
  } else {
    first_ = &waiter;
  }
  last_ = &waiter;
  ++size_;
}

void WaitQueue::remove(Waiter& waiter) {
  AGORA_ASSERT(waiter.queue == this);
  (waiter.previous != nullptr ? waiter.previous->next : first_) = waiter.next;
  (waiter.next != nullptr ? waiter.next->previous : last_) = waiter.previous;
  waiter.queue = nullptr;
  waiter.next = waiter.previous = nullptr;
  --size_;
}

Waiter& Waiters::park(Waiter start, WaitQueue& queue) {
  auto owned = std::make_unique<Waiter>(std::move(start));
  Waiter& waiter = *owned;
  waiter.serial = next_serial_++;
  by_serial_.emplace_hint(by_serial_.end(), waiter.serial, std::move(owned));
  by_session_.emplace(std::pair{waiter.session, waiter.serial}, &waiter);
  if (waiter.until) by_deadline_.emplace(std::pair{*waiter.until, waiter.serial}, &waiter);
  ++counts_[waiter.session];
  queue.push_back(waiter);
  return waiter;
}

std::unique_ptr<Waiter> Waiters::remove(Waiter& waiter) {
  waiter.queue->remove(waiter);
  by_session_.erase({waiter.session, waiter.serial});
  if (waiter.until) by_deadline_.erase({*waiter.until, waiter.serial});
  const auto count = counts_.find(waiter.session);
  if (--count->second == 0) counts_.erase(count);
  const auto place = by_serial_.find(waiter.serial);
  std::unique_ptr<Waiter> owned = std::move(place->second);
  by_serial_.erase(place);
  return owned;
}

Waiter* Waiters::find(SessionId session, std::uint64_t tag) {
  for (auto it = by_session_.lower_bound({session, 0});
       it != by_session_.end() && it->first.first == session; ++it) {
    if (it->second->tag == tag) return it->second;
  }
  return nullptr;
}

Waiter* Waiters::first_of(SessionId session) {
  const auto it = by_session_.lower_bound({session, 0});
  return it != by_session_.end() && it->first.first == session ? it->second : nullptr;
}

std::size_t Waiters::count_of(SessionId session) const {
  const auto count = counts_.find(session);
  return count == counts_.end() ? 0 : count->second;
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
