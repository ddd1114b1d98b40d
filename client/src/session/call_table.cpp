#include "client/src/session/call_table.hpp"

#include <algorithm>
#include <utility>

#include <agora/detail/methods.hpp>

#include "client/src/session/late_reply.hpp"

namespace agora::detail {
namespace {

std::uint32_t wire_id(std::uint64_t number) { return static_cast<std::uint32_t>(number); }

}  // namespace

std::unique_ptr<OwnedSlot> undo_of(const Call& call) {
  if (call.undo_method.empty()) return nullptr;
  Call undo{.method = call.undo_method, .count = call.undo_count, .params = call.undo_params};
  return std::make_unique<OwnedSlot>(undo, Deadline());
}

OwnedSlot::OwnedSlot(const Call& its_call, const Deadline& its_deadline,
                     std::unique_ptr<Completion> its_completion)
    : Slot(its_call, its_deadline),
      method(its_call.method),
      params(its_call.params),
      undo_method(its_call.undo_method),
      undo_params(its_call.undo_params),
      completion(std::move(its_completion)) {
  call.method = method;
  call.params = params;
  call.undo_method = undo_method;
  call.undo_params = undo_params;
}

Error error_for(const Slot& slot, const Error& error) {
  Error mine = error;
  mine.message.insert(0, std::string(slot.call.method) + ": ");
  const bool maybe = slot.sent && slot.call.effect == Effect::changes;
  mine.done = maybe ? Done::unknown : Done::no;
  return mine;
}

void write_call(const Slot& slot, std::string& out) {
  begin_msgpack_request(wire_id(slot.number), slot.call.method, slot.call.count, out);
  out += slot.call.params;
}

void write_cancel(std::uint64_t number, std::string& out) {
  const Params params = params_of(number);
  begin_msgpack_notification(methods::session_cancel.name, params.count, out);
  out += params.bytes;
}

void CallTable::open(Slot& slot, std::unique_ptr<OwnedSlot> owned, LifeClock::time_point now) {
  do {
    ++last_;  // 0 answers what the server could not read
  } while (wire_id(last_) == 0 || calls_.contains(wire_id(last_)));
  slot.number = last_;
  slot.sent_at = now;
  Entry& entry = calls_[wire_id(last_)];
  entry.number = last_;
  entry.slot = &slot;
  entry.waits = slot.call.waits;
  entry.sent_at = now;
  entry.owned = std::move(owned);
  put_in(entry);
  if (slot.call.waits && slot.pending) unheard_.emplace(last_, &slot);
  acknowledgements_.opened(last_);
}

void CallTable::open(Slot& slot, LifeClock::time_point now) { open(slot, nullptr, now); }

void CallTable::open(std::unique_ptr<OwnedSlot> slot, LifeClock::time_point now) {
  Slot& at = *slot;
  open(at, std::move(slot), now);
}

/// The server takes the calls of a session in their order: what waits from before that number on
/// stands in its line, and holds up nothing that comes later.
void CallTable::heard_up_to(std::uint64_t number) {
  while (!unheard_.empty() && unheard_.begin()->first < number) {
    unheard_.begin()->second->pending.release();
    unheard_.erase(unheard_.begin());
  }
}

void CallTable::put_in(const Entry& entry) {
  open_ += entry.waits ? 0 : 1;
  owned_ += entry.owned ? 1 : 0;
}

void CallTable::take_out(const Entry& entry) {
  unheard_.erase(entry.number);
  open_ -= entry.waits ? 0 : 1;
  owned_ -= entry.owned ? 1 : 0;
}

void CallTable::close(std::uint64_t number) {
  const auto found = calls_.find(wire_id(number));
  if (found == calls_.end()) return;
  take_out(found->second);
  calls_.erase(found);
  acknowledgements_.finished(number, false);
}

void CallTable::abandon(std::uint64_t number, GateHold pending) {
  const auto found = calls_.find(wire_id(number));
  if (found == calls_.end()) return;
  Entry& entry = found->second;
  take_out(entry);
  if (!entry.owned) {
    entry.owned = std::make_unique<OwnedSlot>(entry.slot->call, Deadline());
    entry.owned->number = number;
  }
  entry.owned->pending = std::move(pending);
  entry.slot = nullptr;
  put_in(entry);
}

void CallTable::keep(std::uint64_t number) {
  const auto found = calls_.find(wire_id(number));
  if (found == calls_.end() || found->second.owned) return;
  Entry& entry = found->second;
  auto own = std::make_unique<OwnedSlot>(entry.slot->call, Deadline());
  own->number = number;
  own->sent = entry.slot->sent;
  own->sent_at = entry.slot->sent_at;
  take_out(entry);
  entry.slot = own.get();
  entry.owned = std::move(own);
  put_in(entry);
}

std::unique_ptr<OwnedSlot> CallTable::take_back(std::uint64_t number) {
  const auto found = calls_.find(wire_id(number));
  if (found == calls_.end() || !found->second.owned || found->second.slot == nullptr) {
    return nullptr;
  }
  Entry& entry = found->second;
  OwnedSlot& call = *entry.owned;
  take_out(entry);
  std::unique_ptr<OwnedSlot> own = std::move(entry.owned);
  put_in(entry);
  call.sent ? abandon(number, std::move(own->pending)) : close(number);
  return own;
}

CallTable::Deal CallTable::drop(Entry& entry, const ServerMessage& reply) {
  Deal deal;
  deal.dealt = Dealt::dropped;
  deal.sent_at = entry.sent_at;
  LateReply late;
  if (reply.ok() && entry.owned) late = late_reply(entry.owned->call, reply.result);
  if (late.undo != nullptr) {
    Call undo = call_of(*late.undo);
    deal.undo = std::make_unique<OwnedSlot>(undo.with(late.params), Deadline());
  }
  if (!late.unacknowledged) acknowledgements_.finished(entry.number, true);
  return deal;
}

CallTable::Deal CallTable::deal(ServerMessage& reply) {
  const auto found = calls_.find(reply.id);
  if (found == calls_.end()) return {};
  Entry entry = std::move(found->second);
  take_out(entry);
  calls_.erase(found);
  acknowledgements_.answered(entry.number);
  heard_up_to(entry.number);
  if (entry.slot == nullptr) return drop(entry, reply);
  Deal deal;
  deal.dealt = Dealt::delivered;
  deal.slot = entry.slot;
  deal.sent_at = entry.sent_at;
  deal.owned = std::move(entry.owned);
  Slot& slot = *deal.slot;
  if (!reply.ok() && reply.error->code == Errc::session_backlog) {
    acknowledgements_.finished(entry.number, false);
    slot.number = 0;
    slot.sent = false;
    deal.dealt = Dealt::refused;
    return deal;
  }
  if (reply.ok()) {
    slot.result = Packed(reply.result);
  } else {
    slot.error = std::move(reply.error);
    if (slot.cancelled && slot.error->code == Errc::cancelled) {
      *slot.error = {Errc::timeout,
                     std::string(slot.call.method) + ": the server did not answer in time",
                     Done::no,
                     {}};
    }
  }
  slot.done = true;
  return deal;
}

// A call that its caller gave up is not sent again unless the server has seen it: then it may wait
// there in a line, which it has to leave, or its reply hands out something.
void CallTable::resume_entry(Entry& entry, std::uint64_t last_seen, std::string& out) {
  if (entry.slot != nullptr) {
    entry.slot->sent = true;
    write_call(*entry.slot, out);
    if (entry.slot->cancelled) write_cancel(entry.number, out);
  } else if (entry.number <= last_seen) {
    write_call(*entry.owned, out);
    if (entry.waits) write_cancel(entry.number, out);
  } else {
    const std::uint64_t number = entry.number;
    take_out(entry);
    acknowledgements_.finished(number, number <= last_seen);
    calls_.erase(wire_id(number));
  }
}

void CallTable::resume(std::uint64_t last_seen, LifeClock::time_point now, std::string& out) {
  std::vector<Entry*> all;
  for (auto& [id, entry] : calls_) all.push_back(&entry);
  std::ranges::sort(all, {}, &Entry::number);
  std::string calls;
  for (Entry* entry : all) {
    entry->sent_at = now;
    resume_entry(*entry, last_seen, calls);
  }
  acknowledgements_.lost();
  if (acknowledgements_.due()) acknowledgements_.write(0, out);
  out += calls;
}

std::vector<std::unique_ptr<OwnedSlot>> CallTable::fail_all(const Error& error) {
  std::vector<std::unique_ptr<OwnedSlot>> kept;
  for (auto& [id, entry] : calls_) {
    if (entry.slot == nullptr) continue;
    Slot& slot = *entry.slot;
    slot.error = std::make_unique<Error>(error_for(slot, error));
    slot.done = true;
    slot.wake.notify_one();
    if (entry.owned) kept.push_back(std::move(entry.owned));
  }
  calls_.clear();
  unheard_.clear();
  open_ = owned_ = 0;
  std::ranges::sort(kept, {}, [](const auto& slot) { return slot->number; });
  return kept;
}

Slot* CallTable::parked() {
  for (auto& [id, entry] : calls_) {
    if (entry.slot != nullptr && entry.slot->parked) return entry.slot;
  }
  return nullptr;
}

}  // namespace agora::detail
