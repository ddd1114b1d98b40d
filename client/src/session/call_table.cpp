// SPDX-License-Identifier: MIT

#include "client/src/session/call_table.hpp"

#include <algorithm>
#include <utility>

#include <agora/detail/methods.hpp>

#include "client/src/session/late_reply.hpp"

namespace agora::detail {
namespace {

std::uint32_t wire_id(std::uint64_t number) { return static_cast<std::uint32_t>(number); }

}  // namespace

std::unique_ptr<OwnedCall> undo_of(const Call& call) {
  if (call.undo_method.empty()) return nullptr;
  Call undo{.method = call.undo_method, .count = call.undo_count, .params = call.undo_params};
  return std::make_unique<OwnedCall>(undo, Deadline());
}

OwnedCall::OwnedCall(const Call& its_call, const Deadline& its_deadline,
                     CompletionPtr its_completion)
    : PendingCall(its_call, its_deadline),
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

void OwnedCall::complete(std::uint64_t session, HoldRef hold, HoldRef arrived) {
  if (error) {
    completion->complete(Failure{std::move(error)}, std::move(arrived));
  } else {
    completion->complete({std::move(result), session, std::move(hold)}, std::move(arrived));
  }
}

Error error_for(const PendingCall& pending, const Error& error) {
  Error mine = error;
  mine.message.insert(0, std::string(pending.call.method) + ": ");
  const bool maybe = pending.sent && pending.call.effect == CallEffect::changes;
  mine.done = maybe ? Done::unknown : Done::no;
  return mine;
}

Error cancelled_error(const Call& call, Done done) {
  return {
      Errc::cancelled, std::string(call.method) + ": the program has cancelled the call", done, {}};
}

Deadline nearest_deadline(std::span<const std::unique_ptr<OwnedCall>> calls) {
  Deadline nearest;
  for (const auto& call : calls) {
    if (call->deadline && (!nearest || *call->deadline < *nearest)) nearest = call->deadline;
  }
  return nearest;
}

void write_call(const PendingCall& pending, std::string& out) {
  begin_msgpack_request(wire_id(pending.number), pending.call.method, pending.call.count, out);
  out += pending.call.params;
}

void write_cancel(std::uint64_t number, std::string& out) {
  const Params params = params_of(number);
  begin_msgpack_notification(methods::session_cancel.name, params.count, out);
  out += params.bytes;
}

void CallTable::open(PendingCall& pending, std::unique_ptr<OwnedCall> owned,
                     LifeClock::time_point now) {
  do {
    ++last_;  // id 0: handshakes, and the server's reply to unreadable input
  } while (wire_id(last_) == 0 || calls_.contains(wire_id(last_)));
  pending.number = last_;
  pending.sent_at = now;
  Entry& entry = calls_[wire_id(last_)];
  entry.number = last_;
  entry.pending = &pending;
  entry.waits = pending.call.waits;
  entry.sent_at = now;
  entry.owned = std::move(owned);
  count(entry);
  if (pending.call.waits && pending.gate_hold) unconfirmed_.emplace(last_, &pending);
  acknowledgements_.opened(last_);
}

void CallTable::open(PendingCall& pending, LifeClock::time_point now) {
  open(pending, nullptr, now);
}

void CallTable::open(std::unique_ptr<OwnedCall> pending, LifeClock::time_point now) {
  PendingCall& at = *pending;
  open(at, std::move(pending), now);
}

/// The server handles the calls of a session in order. So a waiting call with a smaller number has
/// joined its wait queue by now, and its gate hold can go.
void CallTable::confirm_up_to(std::uint64_t number) {
  while (!unconfirmed_.empty() && unconfirmed_.begin()->first < number) {
    unconfirmed_.begin()->second->gate_hold.release();
    unconfirmed_.erase(unconfirmed_.begin());
  }
}

void CallTable::count(const Entry& entry) {
  open_ += entry.waits ? 0 : 1;
  owned_ += entry.owned ? 1 : 0;
}

void CallTable::uncount(const Entry& entry) {
  unconfirmed_.erase(entry.number);
  open_ -= entry.waits ? 0 : 1;
  owned_ -= entry.owned ? 1 : 0;
}

void CallTable::close(std::uint64_t number) {
  const auto found = calls_.find(wire_id(number));
  if (found == calls_.end()) return;
  uncount(found->second);
  calls_.erase(found);
  acknowledgements_.finished(number, false);
}

void CallTable::abandon(std::uint64_t number, GateHold gate_hold) {
  const auto found = calls_.find(wire_id(number));
  if (found == calls_.end()) return;
  Entry& entry = found->second;
  uncount(entry);
  if (!entry.owned) {
    entry.owned = std::make_unique<OwnedCall>(entry.pending->call, Deadline());
    entry.owned->number = number;
  }
  entry.owned->gate_hold = std::move(gate_hold);
  entry.pending = nullptr;
  count(entry);
}

void CallTable::keep(std::uint64_t number) {
  const auto found = calls_.find(wire_id(number));
  if (found == calls_.end() || found->second.owned) return;
  Entry& entry = found->second;
  auto own = std::make_unique<OwnedCall>(entry.pending->call, Deadline());
  own->number = number;
  own->sent = entry.pending->sent;
  own->sent_at = entry.pending->sent_at;
  uncount(entry);
  entry.pending = own.get();
  entry.owned = std::move(own);
  count(entry);
}

std::unique_ptr<OwnedCall> CallTable::take_back(std::uint64_t number) {
  const auto found = calls_.find(wire_id(number));
  if (found == calls_.end() || !found->second.owned || found->second.pending == nullptr) {
    return nullptr;
  }
  Entry& entry = found->second;
  OwnedCall& call = *entry.owned;
  uncount(entry);
  std::unique_ptr<OwnedCall> own = std::move(entry.owned);
  count(entry);
  call.sent ? abandon(number, std::move(own->gate_hold)) : close(number);
  return own;
}

CallTable::Match CallTable::drop(Entry& entry, const ServerMessage& reply) {
  Match match;
  match.kind = Match::Kind::dropped;
  match.sent_at = entry.sent_at;
  if (reply.ok() && entry.owned) match.undo = give_back(entry.owned->call, entry.number, reply);
  if (!match.undo || match.undo->declines == 0) acknowledgements_.finished(entry.number, true);
  return match;
}

/// Returns the call that gives back what a reply has granted; null if there is none.
std::unique_ptr<OwnedCall> CallTable::give_back(const Call& call, std::uint64_t number,
                                                const ServerMessage& reply) {
  const LateReply late = late_reply(call, reply.result);
  if (!late.declines && late.undo == nullptr) return nullptr;
  Call undo = call_of(late.declines ? methods::session_decline : *late.undo);
  const Params params = late.declines ? params_of(number) : late.params;
  auto made = std::make_unique<OwnedCall>(undo.with(params), Deadline());
  if (late.declines) made->declines = number;
  return made;
}

/// Turns the success of a call that was cancelled on request into an error, if the acquired
/// resource can go back. @return the call that gives it back; null if the success stands
std::unique_ptr<OwnedCall> CallTable::withdraw(PendingCall& pending, const ServerMessage& reply) {
  auto undo = give_back(pending.call, pending.number, reply);
  if (!undo) undo = undo_of(pending.call);
  if (undo) pending.error = std::make_unique<Error>(cancelled_error(pending.call, Done::no));
  return undo;
}

CallTable::Match CallTable::match(ServerMessage& reply) {
  const auto found = calls_.find(reply.id);
  if (found == calls_.end()) return {};
  Entry entry = std::move(found->second);
  uncount(entry);
  calls_.erase(found);
  acknowledgements_.answered(entry.number);
  confirm_up_to(entry.number);
  if (entry.pending == nullptr) return drop(entry, reply);
  Match match;
  match.kind = Match::Kind::delivered;
  match.pending = entry.pending;
  match.sent_at = entry.sent_at;
  match.owned = std::move(entry.owned);
  PendingCall& pending = *match.pending;
  if (!reply.ok() && reply.error->code == Errc::session_backlog) {
    acknowledgements_.finished(entry.number, false);
    pending.number = 0;
    pending.sent = false;
    match.kind = Match::Kind::refused;
    return match;
  }
  if (reply.ok()) {
    if (pending.on_request == Cancellation::partial) match.undo = withdraw(pending, reply);
    if (!match.undo) pending.result = Packed(reply.result);
  } else {
    pending.error = std::move(reply.error);
    if (!pending.on_request && pending.cancelled && pending.error->code == Errc::cancelled) {
      *pending.error = {Errc::timeout,
                        std::string(pending.call.method) + ": the server did not reply in time",
                        Done::no,
                        {}};
    }
  }
  pending.done = true;
  if (match.undo && match.undo->declines != 0) pending.number = 0;  // it is not acknowledged
  return match;
}

// An abandoned call is sent again only if the server has seen it. It may be parked there and must
// be cancelled, or its reply may carry something that has to be given back.
void CallTable::resume_entry(Entry& entry, std::uint64_t last_seen, std::string& out) {
  if (entry.pending != nullptr) {
    entry.pending->sent = true;
    write_call(*entry.pending, out);
    if (entry.pending->cancelled) write_cancel(entry.number, out);
  } else if (entry.number <= last_seen) {
    write_call(*entry.owned, out);
    if (entry.waits) write_cancel(entry.number, out);
  } else {
    const std::uint64_t number = entry.number;
    uncount(entry);
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

std::vector<std::unique_ptr<OwnedCall>> CallTable::fail_all(const Error& error) {
  std::vector<std::unique_ptr<OwnedCall>> owned;
  for (auto& [id, entry] : calls_) {
    if (entry.pending == nullptr) continue;
    PendingCall& pending = *entry.pending;
    pending.error = std::make_unique<Error>(error_for(pending, error));
    pending.done = true;
    pending.wake.notify_one();
    if (entry.owned) owned.push_back(std::move(entry.owned));
  }
  calls_.clear();
  unconfirmed_.clear();
  open_ = owned_ = 0;
  std::ranges::sort(owned, {}, [](const auto& call) { return call->number; });
  return owned;
}

PendingCall* CallTable::parked() {
  for (auto& [id, entry] : calls_) {
    if (entry.pending != nullptr && entry.pending->parked) return entry.pending;
  }
  return nullptr;
}

}  // namespace agora::detail
