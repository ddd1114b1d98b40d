// SPDX-License-Identifier: MIT

// Machine: replies. The reply of each call that has run goes through conclude(). That sends it over
// the caller's link, keeps it in case the call is resent (so that the call takes effect at most
// once), and counts the holds that it gives.
#include <algorithm>

#include "server/core/machine/call.hpp"
#include "server/core/machine/creation.hpp"
#include "server/core/machine/machine.hpp"
#include "server/core/machine/session_format.hpp"
#include "server/core/methods/scalar.hpp"
#include "shared/value/error_text.hpp"
#include "shared/value/msgpack_reader.hpp"
#include "shared/value/references.hpp"

namespace agora {
namespace {

constexpr std::uint64_t kLowBits = std::uint64_t{1} << 32;

/// Returns the number with those low 32 bits that is nearest to `near` (serial number arithmetic).
std::uint64_t whole_number(std::uint64_t low, std::uint64_t near) {
  const std::uint64_t number = (near & ~(kLowBits - 1)) | low;
  const std::uint64_t half = kLowBits / 2;
  if (number > near && number - near > half && number >= kLowBits) return number - kLowBits;
  if (number < near && near - number > half) return number + kLowBits;
  return number;
}

Error bad_number(std::string message, bool forgotten) {
  Error error{Errc::invalid_request, std::move(message), forgotten ? Done::unknown : Done::no, {}};
  if (forgotten) {
    std::string packed;
    Writer{packed}.text("forgotten");
    error.details.push_back({"reason", std::move(packed)});
  }
  return error;
}

bool is_changing(const Caller& caller) { return caller.method.method->access == Access::write; }

}  // namespace

Effect& Machine::push(Effect::Kind kind, LinkId link, std::uint64_t tag) {
  Effect& effect = effects_->list.emplace_back();
  effect.kind = kind;
  effect.link = link;
  effect.tag = tag;
  return effect;
}

void Machine::push_failure(LinkId link, std::uint64_t tag, Error error) {
  bound_error(error);
  push(Effect::Kind::failure, link, tag).error = std::make_unique<Error>(std::move(error));
}

// ---- numbers -------------------------------------------------------------------------------

/// Sets the call's number. Returns false if the call must not run: it is a resent call that has run
/// or waits, it has no usable number, too many replies are kept, or it is a notification of a
/// method that delivers something. Except for that notification, an effect has then been pushed for
/// it.
bool Machine::assign_call_number(Session& session, const Command& command, Caller& caller) {
  if (command.numbering == Numbering::none) return true;
  if (command.numbering == Numbering::notification) return !caller.method.method->delivers;
  if (command.numbering == Numbering::unusable) {
    push_failure(caller.link, caller.tag,
                 bad_number("in an opened session the id of a call is a natural number that grows "
                            "from call to call",
                            false));
    return false;
  }
  caller.number = command.numbering == Numbering::whole
                      ? command.number
                      : whole_number(command.number, session.last_seen);
  if (caller.number <= session.last_seen) return replay_call(session, caller);
  if (is_changing(caller) && refuse_backlog(session, caller)) return false;
  session.last_seen = caller.number;
  return true;
}

/// Handles a resent call. Returns true if the call is to run again, because it only reads.
bool Machine::replay_call(Session& session, Caller& caller) {
  if (Waiter* waiter = session.calls->waiter(caller.number)) {
    waiters_.rebind_resent_call(*waiter, caller);
    push(Effect::Kind::parked, caller.link, caller.tag);
    return false;
  }
  CallRecord* record = session.calls->find(caller.number);
  if (record != nullptr && record->state == CallRecord::State::kept) {
    if (record->error) {
      push_failure(caller.link, caller.tag, *record->error);
      return false;
    }
    Effect& effect = push(Effect::Kind::reply, caller.link, caller.tag);
    effect.blob = record->blob;
    effect.offset = effects_->bytes.size();
    effect.length = record->result.size();
    effects_->bytes += record->result;
    return false;
  }
  if (!is_changing(caller) && caller.number > session.through) {
    if (record != nullptr) forget_read(session, *record);
    return true;
  }
  const std::string number = std::to_string(caller.number);
  push_failure(caller.link, caller.tag,
               bad_number("the id " + number + " is not above the last one, " +
                              std::to_string(session.last_seen) +
                              ", and no reply to it is kept; it was not run now",
                          true));
  return false;
}

/// Refuses the call if the session has too many kept replies. Returns whether it did.
bool Machine::refuse_backlog(Session& session, const Caller& caller) {
  const Limits& most = input_.limits;
  // Far over the memory cap, each session may keep a few replies only.
  constexpr std::size_t kRepliesMin = 16;
  constexpr std::size_t kBytesMin = std::size_t{64} << 10;
  const KeptReplies& kept = *session.calls;
  const bool many = kept.kept() >= kRepliesMin || kept.heap_bytes() >= kBytesMin;
  if (kept.kept() < most.kept_replies_max && kept.kept_bytes() < most.kept_bytes_max &&
      !(many && far_over_cap())) {
    return false;
  }
  if (caller.method.type->name == "session") return false;  // session.acknowledge must pass
  push_failure(caller.link, caller.tag,
               {Errc::session_backlog,
                std::to_string(session.calls->kept()) +
                    " replies of this session wait to be acknowledged; send session.acknowledge, "
                    "and then this call under a new number",
                Done::no,
                {}});
  return true;
}

/// Drops the record of a resent read, with the holds that its first reply gave.
void Machine::forget_read(Session& session, CallRecord& record) {
  const std::unique_ptr<ReplyContext> context = std::move(record.context);
  session.calls->forget(record.number);
  if (!context) return;
  for (const ObjectId id : context->holds) {
    if (Object* object = registry_.find(id)) unhold(*object, session.id, 1);
  }
}

// ---- replies -------------------------------------------------------------------------------

/// Replies with the blob, or else with the value that begins at `begin` in `buffer`.
void Machine::conclude(const Caller& caller, Buffer buffer, std::size_t begin, BlobRef blob,
                       std::unique_ptr<ReplyContext>&& context) {
  std::string& bytes = effects_->buffer(buffer);
  const bool matters = caller.number != 0 || registry_.anonymous() > 0;
  Session* session = matters ? sessions_.of(caller.session, caller.link) : nullptr;
  if (session != nullptr && session->scoped) [[unlikely]] {
    give_names(*session, blob ? blob.view() : PackedView{std::string_view{bytes}.substr(begin)});
  }
  if (session != nullptr && session->opened) {
    const PackedView value = blob ? blob.view() : PackedView{std::string_view{bytes}.substr(begin)};
    caller.is_notification() ? free_undelivered(value)
                             : keep_value(*session, caller, value, blob, std::move(context));
  }
  if (!caller.link) {
    bytes.resize(begin);
    return;
  }
  Effect& effect = push(Effect::Kind::reply, caller.link, caller.tag);
  effect.buffer = buffer;
  effect.offset = begin;
  effect.length = blob ? 0 : bytes.size() - begin;
  effect.blob = std::move(blob);
}

void Machine::conclude(const Caller& caller, Error error) {
  bound_error(error);
  Session* session = caller.number != 0 ? sessions_.of(caller.session, caller.link) : nullptr;
  if (session != nullptr && session->opened) {
    session->calls->replied(caller.number);
    if (is_changing(caller) && caller.number > session->through) {
      CallRecord record;
      record.number = caller.number;
      record.error = std::make_unique<Error>(error);
      session->calls->add(std::move(record));
    }
  }
  if (caller.link) push_failure(caller.link, caller.tag, std::move(error));
}

/// Frees new objects in the result of a notification: no session gets a hold on them.
void Machine::free_undelivered(PackedView value) {
  if (!has_references(value)) return;
  each_reference(value, [&](std::string_view name) {
    Object* object = registry_.find(name);
    if (object != nullptr && object->references == 0) maybe_free(*object);
  });
}

/// Gives the session holds on the objects in a reply, and keeps the reply for a resend.
void Machine::keep_value(Session& session, const Caller& caller, PackedView value,
                         const BlobRef& blob, std::unique_ptr<ReplyContext>&& context) {
  std::vector<ObjectId> holds;
  if (registry_.anonymous() > 0 && has_references(value)) {
    each_reference(value, [&](std::string_view name) {
      Object* object = registry_.find(name);
      if (object == nullptr || !object->anonymous()) return;
      hold(*object, session.id, 1);
      holds.push_back(object->id);
    });
  }
  if (caller.number == 0) return;
  session.notices->reply_sent(caller.number);
  session.calls->replied(caller.number);
  const bool keeps = is_changing(caller) && caller.number > session.through;
  if (!keeps && holds.empty()) return;
  CallRecord record;
  record.number = caller.number;
  record.state = keeps ? CallRecord::State::kept : CallRecord::State::read;
  record.context = std::move(context);
  if (!holds.empty()) {
    if (!record.context) record.context = std::make_unique<ReplyContext>();
    record.context->holds = std::move(holds);
  }
  if (keeps && blob) record.blob = blob;
  if (keeps && !blob) record.result.assign(value.bytes());
  session.calls->add(std::move(record));
}

bool Machine::track_delivery(const Caller& caller, const Object& object,
                             std::unique_ptr<ReplyContext>& context) {
  if (caller.number == 0) return false;
  const Session* session = sessions_.of(caller.session, caller.link);
  if (session == nullptr || !session->opened || caller.number <= session->through) return false;
  if (!context) context = std::make_unique<ReplyContext>();
  context->deliveries.push_back(object.id);
  return true;
}

void Machine::acknowledge(Session& session, std::uint64_t through, PackedView numbers) {
  const auto arrived = [&](CallRecord& record) {
    if (!record.context) return;
    for (const ObjectId id : record.context->deliveries) {
      Object* object = registry_.find(id);
      if (object == nullptr) continue;
      object->state->acknowledged(*this, *object, session.id, record.number);
    }
  };
  session.through = std::max(session.through, std::min(through, session.last_seen));
  session.calls->forget_through(session.through, arrived);
  const std::uint64_t mark = session.notices->mark();
  bool confirms = mark != 0 && mark <= session.through;
  Reader reader{numbers};
  Token head;
  if (numbers.present() && numbers.kind() == Kind::list) static_cast<void>(reader.next(head));
  for (std::uint32_t i = 0; i < head.count; ++i) {
    Token number;
    static_cast<void>(reader.next(number));
    confirms = confirms || (mark != 0 && number.natural == mark);
    CallRecord* record = session.calls->find(number.natural);
    if (record == nullptr) continue;
    arrived(*record);
    session.calls->forget(number.natural);
  }
  if (confirms) notifications_.confirm(session);
}

bool Machine::decline(Session& session, std::uint64_t number) {
  CallRecord* const record = session.calls->find(number);
  if (record == nullptr || !record->context || record->context->deliveries.empty()) return false;
  const std::vector<ObjectId> deliveries = std::exchange(record->context->deliveries, {});
  for (const ObjectId id : deliveries) {
    Object* const object = registry_.find(id);
    if (object == nullptr) continue;
    object->state->declined(*this, *object, session.id, number);
    serve_soon(*object);
  }
  // The client has received this reply, and all notices sent before it.
  const bool confirms = session.notices->mark() == number;
  session.calls->forget(number);
  if (confirms) notifications_.confirm(session);
  return true;
}

}  // namespace agora
